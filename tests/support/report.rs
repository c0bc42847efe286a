//! What a process in a container says of itself.

use std::collections::{BTreeMap, BTreeSet};

use bundlegen::compose::value::capability::Capability;

/// The sections that `report` prints, by name.
pub struct Report(BTreeMap<String, String>);

/// A mount as the process sees it.
#[derive(Debug)]
pub struct Mounted {
    /// The type of file system.
    pub kind: String,
    /// Options of the mount and of the file system.
    pub options: BTreeSet<String>,
}

impl Report {
    /// Takes a report apart.
    pub fn parse(text: &str) -> Report {
        let sections = text.strip_prefix("== ").unwrap_or_else(|| panic!("no report: {text}")).split("\n== ");
        Report(
            sections
                .map(|section| {
                    let (name, text) = section.split_once('\n').unwrap_or((section, ""));
                    (name.to_owned(), text.trim_end().to_owned())
                })
                .collect(),
        )
    }

    /// Takes a report apart that a terminal may have shown: with other ends of lines, and something before it.
    pub fn said(text: &str) -> Report {
        let text = text.replace('\r', "");
        Report::parse(&text[text.find("== ").unwrap_or_default()..])
    }

    /// A section as it was printed.
    pub fn text(&self, section: &str) -> &str {
        self.0.get(section).unwrap_or_else(|| panic!("no section {section}"))
    }

    /// A section line by line.
    pub fn lines(&self, section: &str) -> Vec<&str> {
        self.text(section).lines().collect()
    }

    /// The variables, sorted. Both runtimes add a `HOME` where there is none.
    pub fn environment(&self) -> Vec<&str> {
        let mut variables = self.lines("environment");
        variables.sort_unstable();
        variables
    }

    /// A field of `/proc/PID/status`.
    pub fn status(&self, field: &str) -> &str {
        let mut fields = self.text("status").lines().filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(key, _)| *key == field).unwrap_or_else(|| panic!("no field {field}"));
        value.trim()
    }

    /// Effective user and group, and the supplementary groups.
    pub fn ids(&self) -> (u32, u32, BTreeSet<u32>) {
        let numbers = |field| self.status(field).split_whitespace().map(|number| number.parse().unwrap());
        let groups = numbers("Groups").collect();
        (numbers("Uid").nth(1).unwrap(), numbers("Gid").nth(1).unwrap(), groups)
    }

    /// One of the five sets, such as `CapBnd`.
    pub fn capabilities(&self, set: &str) -> BTreeSet<Capability> {
        let bits = u64::from_str_radix(self.status(set), 16).unwrap();
        let all = Capability::ALL.iter().enumerate();
        all.filter(|(number, _)| bits >> number & 1 == 1).map(|(_, capability)| *capability).collect()
    }

    /// Soft and hard limit, as `/proc/PID/limits` calls it.
    pub fn limit(&self, name: &str) -> (&str, &str) {
        let line = self.text("limits").lines().find_map(|line| line.strip_prefix(name));
        let mut words = line.unwrap_or_else(|| panic!("no limit {name}")).split_whitespace();
        (words.next().unwrap(), words.next().unwrap())
    }

    /// The mount that is seen at a path.
    pub fn mount(&self, path: &str) -> Option<Mounted> {
        self.text("mounts").lines().rev().map(mounted).find(|(at, _)| at == path).map(|(_, mount)| mount)
    }
}

fn mounted(line: &str) -> (String, Mounted) {
    let words: Vec<_> = line.split(' ').collect();
    let dash = words.iter().position(|word| *word == "-").unwrap();
    let options = words[5].split(',').chain(words[dash + 3].split(','));
    // The file system may be writable while the mount is not; the mount decides.
    let read_only = words[5].split(',').any(|option| option == "ro");
    let options = options.filter(|option| !(read_only && *option == "rw")).map(str::to_owned).collect();
    (words[4].to_owned(), Mounted { kind: words[dash + 1].to_owned(), options })
}

impl Mounted {
    /// Whether all these options, with commas between them, are in force.
    pub fn has(&self, options: &str) -> bool {
        options.split(',').all(|option| self.options.contains(option))
    }
}
