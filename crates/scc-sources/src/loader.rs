//! From a source to a checked document: file, copy, or network.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::age::words;
use crate::attempt::Attempt;
use crate::cache::{CopyInfo, SourceCache, StoredCopy, digest};
use crate::loaded::{Fetched, Loaded, Origin, Revision};
use crate::source::Place;
use crate::{AuthHeader, FetchOptions, LoadOptions, MAX_STALE, Source, SourceError, git, http};

/// Says whether a document is valid; the error is the reason, for the user.
pub type Validator<'a> = dyn Fn(&[u8]) -> Result<(), String> + 'a;

/// Loads documents.
///
/// The rules, at every call:
///
/// 1. A file of this machine is read; it has no copy.
/// 2. A copy whose seal is broken is set aside and not used. The content of a whole one is checked
///    by the validator like everything else.
/// 3. A copy that is within its time is used, and nobody is asked.
/// 4. Otherwise the server is asked, with the copy's ETag or commit; with [`LoadOptions::force`]
///    without them, so that what the copy says about itself does not count. What comes is checked
///    before it becomes the copy; an invalid document never does, and the copy stays.
/// 5. Where that fails, the copy is used until it is [`LoadOptions::max_stale`] old, and the
///    result says why. A refusal of the server (401, 403, 404) is no exception, because servers
///    answer so in an outage too, but [`Origin::Stale`] names it: say it loudly. After that time
///    there is an error.
/// 6. With [`LoadOptions::background`] a copy that is past its time is used at once, as long as step
///    5 would use it, and the caller is told to have a newer one fetched: another process calls
///    again without that option. What came of asking is noted beside the copy
///    ([`SourceCache::last_attempt`]), so that a failure is as loud as in step 5.
/// 7. Offline, steps 4 to 6 ask nobody.
#[derive(Debug, Clone)]
pub struct Loader {
    cache: SourceCache,
    options: FetchOptions,
}

impl Loader {
    /// A loader with its copies in `cache`.
    pub fn new(cache: SourceCache, options: FetchOptions) -> Self {
        Self { cache, options }
    }

    /// The copies.
    pub fn cache(&self) -> &SourceCache {
        &self.cache
    }

    /// Loads a document by the rules of [`Loader`].
    ///
    /// # Errors
    /// [`SourceError`] when there is no valid document that is young enough.
    pub fn load(
        &self,
        source: &Source,
        options: &LoadOptions<'_>,
        validate: &Validator<'_>,
    ) -> Result<Loaded, SourceError> {
        if let Place::File(path) = &source.0 {
            return self.load_file(source, path, options.now, validate);
        }
        let load = Load {
            loader: self,
            source,
            options,
            validate,
            max_stale: options.max_stale.min(MAX_STALE),
        };
        load.run()
    }

    fn load_file(
        &self,
        source: &Source,
        path: &Path,
        now: Timestamp,
        validate: &Validator<'_>,
    ) -> Result<Loaded, SourceError> {
        let content = read_file(path, self.options.max_bytes).map_err(|error| {
            let path = path.to_owned();
            SourceError::File {
                path,
                source: error,
            }
        })?;
        check(source, &content, validate)?;
        Ok(Loaded {
            sha256: digest(&content),
            content,
            origin: Origin::Fresh,
            revision: None,
            fetched_at: now,
            wants_refresh: false,
            warnings: Vec::new(),
        })
    }
}

fn is_fresh(info: &CopyInfo, ttl: Duration, now: Timestamp) -> bool {
    info.age(now).is_some_and(|age| age < ttl.min(MAX_STALE))
}

fn check(source: &Source, content: &[u8], validate: &Validator<'_>) -> Result<(), SourceError> {
    validate(content).map_err(|reason| SourceError::Invalid {
        from: source.to_string(),
        reason,
    })
}

fn read_file(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    // A pipe or a device would block or never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(invalid("it is not a regular file".to_owned()));
    }
    let mut content = Vec::new();
    File::open(path)?.take(max + 1).read_to_end(&mut content)?;
    match content.len() as u64 > max {
        false => Ok(content),
        true => Err(invalid(format!("it is larger than {max} bytes"))),
    }
}

/// One call of [`Loader::load`] for a source that has a copy.
struct Load<'a> {
    loader: &'a Loader,
    source: &'a Source,
    options: &'a LoadOptions<'a>,
    validate: &'a Validator<'a>,
    max_stale: Duration,
}

/// The copy, if it may be used, and what is to be told about it.
struct Kept {
    copy: Option<StoredCopy>,
    /// Why a whole copy may not be used.
    invalid: Option<SourceError>,
    warnings: Vec<String>,
}

impl Load<'_> {
    fn run(&self) -> Result<Loaded, SourceError> {
        let kept = self.kept()?;
        if self.options.offline {
            return self.offline(kept);
        }
        if !self.options.force
            && let Some(copy) = self.fresh(&kept)
        {
            return Ok(cached(copy, self.options.now, kept.warnings));
        }
        if self.options.background
            && !self.options.force
            && let Some(due) = self.due(&kept)?
        {
            return Ok(due);
        }
        let patience = self.loader.options.total_timeout;
        let lock = self.loader.cache.fetch_lock(self.source, patience)?;
        let mut again = self.kept()?;
        again.warnings.splice(0..0, kept.warnings);
        // Somebody fetched it while this call waited.
        let news =
            again.copy.as_ref().map(|copy| &copy.info) != kept.copy.as_ref().map(|c| &c.info);
        if news && let Some(copy) = self.fresh(&again) {
            return Ok(cached(copy, self.options.now, again.warnings));
        }
        match self.fetch(again.copy.as_ref(), lock.as_ref()) {
            Ok(copy) => {
                let old = again.copy.as_ref().map(|copy| &copy.info);
                self.note(&Attempt::done(self.options.now, old, &copy.info));
                Ok(self.store(copy, again.warnings))
            }
            Err(error) => {
                self.note(&Attempt::failed(self.options.now, &error));
                self.stale(again, Some(error))
            }
        }
    }

    fn note(&self, attempt: &Attempt) {
        // It is only for the eyes; the document does not depend on it.
        let _ = self.loader.cache.note(self.source, attempt);
    }

    /// The copy although it is past its time, as long as it may be used at all.
    fn due(&self, kept: &Kept) -> Result<Option<Loaded>, SourceError> {
        let now = self.options.now;
        let age = kept.copy.as_ref().and_then(|copy| copy.info.age(now));
        let (Some(copy), Some(age)) = (&kept.copy, age.filter(|age| *age <= self.max_stale)) else {
            return Ok(None);
        };
        let attempt = self.loader.cache.last_attempt(self.source)?;
        let wants_refresh = !attempt
            .as_ref()
            .is_some_and(|attempt| attempt.is_recent(now));
        let since = attempt.filter(|attempt| attempt.at >= copy.info.checked_at);
        let mut warnings = kept.warnings.clone();
        let origin = match since.map(|attempt| (attempt.reason, attempt.refused)) {
            Some((Some(reason), refused)) => {
                warnings.push(self.stale_warning(age, &reason));
                Origin::Stale {
                    age,
                    reason,
                    refused,
                }
            }
            _ => Origin::Due { age },
        };
        Ok(Some(Loaded {
            wants_refresh,
            ..loaded(copy.clone(), origin, warnings)
        }))
    }

    fn stale_warning(&self, age: Duration, reason: &str) -> String {
        let (from, age) = (self.source, words(age));
        format!("using a copy of `{from}` that is {age} old: {reason}")
    }

    fn kept(&self) -> Result<Kept, SourceError> {
        let (copy, warning) = self.loader.cache.read(self.source)?;
        let mut kept = Kept {
            copy: None,
            invalid: None,
            warnings: warning.into_iter().collect(),
        };
        if let Some(copy) = copy {
            match check(self.source, &copy.content, self.validate) {
                Ok(()) => kept.copy = Some(copy),
                Err(error) => kept.invalid = Some(error),
            }
        }
        Ok(kept)
    }

    fn fresh(&self, kept: &Kept) -> Option<StoredCopy> {
        let usable = |copy: &&StoredCopy| is_fresh(&copy.info, self.options.ttl, self.options.now);
        kept.copy.as_ref().filter(usable).cloned()
    }

    fn offline(&self, kept: Kept) -> Result<Loaded, SourceError> {
        match self.fresh(&kept) {
            Some(copy) => Ok(cached(copy, self.options.now, kept.warnings)),
            None => self.stale(kept, None),
        }
    }

    /// A new copy, or the old one with a new date.
    fn fetch(
        &self,
        old: Option<&StoredCopy>,
        lock: Option<&File>,
    ) -> Result<StoredCopy, SourceError> {
        let now = self.options.now;
        match (self.ask(old, lock)?, old) {
            (Fetched::NotModified, Some(old)) => {
                let mut copy = old.clone();
                copy.info.checked_at = now;
                Ok(copy)
            }
            (Fetched::NotModified, None) => Err(SourceError::Status {
                from: self.source.to_string(),
                status: 304,
            }),
            (Fetched::New { content, revision }, _) => {
                check(self.source, &content, self.validate)?;
                Ok(StoredCopy {
                    info: CopyInfo {
                        fetched_at: now,
                        checked_at: now,
                        revision,
                        sha256: digest(&content),
                    },
                    content,
                })
            }
        }
    }

    fn ask(&self, old: Option<&StoredCopy>, lock: Option<&File>) -> Result<Fetched, SourceError> {
        let auth = self.credentials()?;
        let old = old.filter(|_| !self.options.force);
        let revision = old.and_then(|copy| copy.info.revision.as_ref());
        let options = &self.loader.options;
        match &self.source.0 {
            Place::File(path) => Err(SourceError::File {
                path: path.clone(),
                source: io::Error::from(io::ErrorKind::Unsupported),
            }),
            Place::Https(url) => {
                let etag = match revision {
                    Some(Revision::Etag(etag)) => Some(etag.as_str()),
                    _ => None,
                };
                http::fetch(url, etag, auth.as_ref(), options)
            }
            Place::Git(place) => {
                let commit = match revision {
                    Some(Revision::Commit(commit)) => Some(commit.as_str()),
                    _ => None,
                };
                let dir = self.loader.cache.scratch(self.source, lock)?;
                let from = self.source.to_string();
                git::fetch(from, place, commit, auth.as_ref(), options, dir.path())
            }
        }
    }

    fn credentials(&self) -> Result<Option<AuthHeader>, SourceError> {
        let find = self.options.auth.map(|find| find()).transpose();
        find.map_err(|reason| SourceError::Credentials {
            from: self.source.to_string(),
            reason,
        })
    }

    fn store(&self, copy: StoredCopy, mut warnings: Vec<String>) -> Loaded {
        if let Err(error) = self.loader.cache.write(self.source, &copy) {
            // The document is good; the next command will have to fetch it again.
            warnings.push(format!("no copy of `{}` was kept: {error}", self.source));
        }
        loaded(copy, Origin::Fresh, warnings)
    }

    /// The copy although it is past its time; `failure` is why there is nothing newer, `None`
    /// when nobody was asked.
    fn stale(&self, kept: Kept, failure: Option<SourceError>) -> Result<Loaded, SourceError> {
        let from = self.source.to_string();
        let Some(copy) = kept.copy else {
            return Err(failure
                .or(kept.invalid)
                .unwrap_or(SourceError::Offline { from }));
        };
        let age = copy.info.age(self.options.now);
        let Some(age) = age.filter(|age| *age <= self.max_stale) else {
            let source = failure.map(Box::new);
            return Err(SourceError::TooOld { from, age, source });
        };
        let refused = failure.as_ref().is_some_and(SourceError::is_refusal);
        let reason = match &failure {
            Some(error) => error.to_string(),
            None => "nothing is fetched offline".to_owned(),
        };
        let mut warnings = kept.warnings;
        warnings.push(self.stale_warning(age, &reason));
        let origin = Origin::Stale {
            age,
            reason,
            refused,
        };
        Ok(loaded(copy, origin, warnings))
    }
}

fn cached(copy: StoredCopy, now: Timestamp, warnings: Vec<String>) -> Loaded {
    let age = copy.info.age(now).unwrap_or_default();
    loaded(copy, Origin::Cached { age }, warnings)
}

fn loaded(copy: StoredCopy, origin: Origin, warnings: Vec<String>) -> Loaded {
    Loaded {
        content: copy.content,
        origin,
        revision: copy.info.revision,
        sha256: copy.info.sha256,
        fetched_at: copy.info.fetched_at,
        wants_refresh: false,
        warnings,
    }
}
