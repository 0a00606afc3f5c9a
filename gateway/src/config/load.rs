//! Finds the file, reads it, and lays environment and flags over it.

use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::reader::{Section, Source};
use super::{ConfigErrors, Environment, Fault, LogFilter, Place, ServeArgs, Settings, resolve};

/// Read without being asked for, where it exists.
const DEFAULT_FILE: &str = "tradewind.toml";

impl Settings {
    /// The settings of `tradewind serve`.
    ///
    /// # Errors
    /// Everything that is wrong with the file and the environment, at once.
    pub fn load(args: &ServeArgs, environment: &Environment) -> Result<Self, ConfigErrors> {
        let mut faults = Vec::new();
        let mut settings = match read(args.config.as_deref()) {
            Ok(Some((file, text))) => from_file(&file, &text, &mut faults),
            Ok(None) => Self::default(),
            Err(fault) => {
                faults.push(fault);
                Self::default()
            }
        };
        settings.overlay_environment(environment, &mut faults);
        settings.overlay_flags(args);
        if faults.is_empty() { Ok(settings) } else { Err(ConfigErrors(faults)) }
    }

    /// The settings that a file of this content stands for. Relative paths in it start at the file's folder.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigErrors> {
        let mut faults = Vec::new();
        let settings = from_file(file, text, &mut faults);
        if faults.is_empty() { Ok(settings) } else { Err(ConfigErrors(faults)) }
    }

    fn overlay_environment(&mut self, environment: &Environment, faults: &mut Vec<Fault>) {
        if let Some(home) = &environment.home {
            self.home.clone_from(home);
        }
        if let Some(models) = &environment.models {
            self.local.models = Some(models.clone());
        }
        match environment.log.as_deref().map(str::parse::<LogFilter>) {
            Some(Ok(filter)) => self.log.filter = filter,
            Some(Err(error)) => {
                faults.push(Fault { place: Place::Variable("RUST_LOG"), problem: error.to_string() });
            }
            None => (),
        }
    }

    fn overlay_flags(&mut self, args: &ServeArgs) {
        if let Some(listen) = &args.listen {
            self.listen = listen.clone();
        }
        if let Some(admin) = &args.admin {
            self.admin = admin.clone();
        }
        if let Some(home) = &args.home {
            self.home.clone_from(home);
        }
        if let Some(policy) = &args.policy {
            self.policy = Some(policy.clone());
        }
        if let Some(manifests) = &args.manifests {
            self.local.manifests = Some(manifests.clone());
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        // What an empty file means, so that there is one way only by which a default is chosen.
        from_file(Path::new(DEFAULT_FILE), "", &mut Vec::new())
    }
}

/// The named file, which must exist, or the default one, which need not.
fn read(asked: Option<&Path>) -> Result<Option<(PathBuf, String)>, Fault> {
    let file = asked.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some((file.to_owned(), text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && asked.is_none() => Ok(None),
        Err(error) => Err(Fault {
            place: Place::File(file.to_owned()),
            problem: format!("cannot read the configuration ({error}); choose another file with --config"),
        }),
    }
}

fn from_file(file: &Path, text: &str, faults: &mut Vec<Fault>) -> Settings {
    let source = Source::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        source.fault(error.span().unwrap_or(0..0), format!("not valid TOML: {}", error.message()));
    }
    // What the parser saved of a broken file is not what was meant: faults of its values would only confuse.
    let table = if errors.is_empty() { table } else { Spanned::new(0..0, DeTable::default()) };
    let settings = resolve::settings(Section::root(&source, &table));
    faults.extend(source.into_faults());
    settings
}
