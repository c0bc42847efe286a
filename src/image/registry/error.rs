//! Why a registry does not give what is asked of it, in words that hold no secret.

use std::path::PathBuf;

/// Why a registry does not give what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers, or the connection breaks.
    #[error("{url}: {reason}{}", after(*attempts))]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What went wrong the last time.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The registry wants to know who asks, or does not let this one in.
    #[error("{repository}: {host} denies access{said}; tried {tried}; {advice}")]
    Denied {
        /// What was asked for.
        repository: String,
        /// Who refuses.
        host: String,
        /// What it says, after a colon.
        said: String,
        /// As whom.
        tried: String,
        /// How to log in.
        advice: String,
    },
    /// The registry wants fewer requests.
    #[error("{url}: too many requests{said}{}", wait(*seconds))]
    Limited {
        /// What was asked for.
        url: String,
        /// What the registry says, after a colon.
        said: String,
        /// For how long it wants to be left alone.
        seconds: Option<u64>,
    },
    /// The registry answers with a failure.
    #[error("{url}: status {status}{said}{}", after(*attempts))]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// What the registry says, after a colon.
        said: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The answer is not what the protocol wants.
    #[error("{url}: {reason}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A file with credentials or certificates cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A program that keeps credentials fails.
    #[error("`{program} get` for {key}: {reason}")]
    Program {
        /// The program.
        program: String,
        /// Whose credentials it was asked for.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(String),
    /// Neither the registry nor a mirror of it has an answer.
    #[error("{error}; before that, its mirrors failed: {}", mirrors.join("; "))]
    Everywhere {
        /// What the registry itself says.
        error: Box<Error>,
        /// What its mirrors say.
        mirrors: Vec<String>,
    },
}

fn after(attempts: u32) -> String {
    if attempts > 1 { format!(" (tried {attempts} times)") } else { String::new() }
}

fn wait(seconds: Option<u64>) -> String {
    match seconds {
        Some(seconds) => format!("; try again in {seconds} seconds, or log in for a higher limit"),
        None => "; try again later, or log in for a higher limit".to_owned(),
    }
}
