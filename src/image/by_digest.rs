//! Blobs as layouts and stores have them: files below `blobs` that are called by their digests. What is read is
//! unverified.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::source::{Content, MAX_JSON};
use super::{Digest, Error, regular};

/// Where the blob is, if `directory` has it.
pub(super) fn path(directory: &Path, digest: &Digest) -> PathBuf {
    directory.join("blobs").join(digest.algorithm()).join(digest.hex())
}

/// Opens a blob, with its size; `None` if `directory` does not have it.
pub(super) fn open(directory: &Path, digest: &Digest) -> Result<Option<(File, u64)>, Error> {
    let path = path(directory, digest);
    let Some(file) = regular::open_existing(&path)? else { return Ok(None) };
    let size = file.metadata().map_err(|error| Error::io(path, error))?.len();
    Ok(Some((file, size)))
}

/// All of a blob that is a document; what is larger than one may be is an error.
pub(super) fn document(directory: &Path, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
    let Some((file, size)) = open(directory, digest)? else { return Ok(None) };
    if size > MAX_JSON {
        let reason = format!("{size} bytes, and the limit for a document is {MAX_JSON}");
        return Err(Error::blob(digest, reason));
    }
    read(file, &path(directory, digest)).map(Some)
}

/// All of a document that was opened.
pub(super) fn read(file: File, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    file.take(MAX_JSON).read_to_end(&mut bytes).map_err(|error| Error::io(path, error))?;
    Ok(bytes)
}

/// The content of a blob, from the byte `from` on.
pub(super) fn content(directory: &Path, digest: &Digest, from: u64) -> Result<Option<Content>, Error> {
    let Some((mut file, _)) = open(directory, digest)? else { return Ok(None) };
    file.seek(SeekFrom::Start(from)).map_err(|error| Error::io(path(directory, digest), error))?;
    Ok(Some(Box::new(file)))
}
