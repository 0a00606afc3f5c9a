//! Brings local models in: fetched if need be, their memory set aside, loaded, and started.

#[cfg(feature = "local")]
pub use bring_in::{LocalLoader, usual_memory};
#[cfg(not(feature = "local"))]
pub use refuse::LocalLoader;

use std::path::PathBuf;

use tradewind_models::fetch::{Cache, FetchError};

use crate::config::LocalSettings;

/// Where the files of models are kept, and what is accepted of them.
///
/// # Errors
/// When nobody says which folder it is.
pub fn cache(folder: Option<PathBuf>, accepted_licences: &[String]) -> Result<Cache, FetchError> {
    let cache = folder.map_or_else(Cache::from_environment, |folder| Ok(Cache::open(folder)))?;
    Ok(cache.accepting(accepted_licences.iter().cloned()))
}

#[cfg(feature = "local")]
mod bring_in {
    use std::{
        error::Error,
        sync::{Mutex, PoisonError},
    };

    use tradewind_candle::{
        AttentionBy, DeviceChoice, Footprint, LoadOptions, Memory as Machine, footprint, gpu_memory, gpus, load_chat,
        load_encoder,
    };
    use tradewind_models::{
        ChatEngine, Classifier, EncoderEngine, Reranker, TokenClassifier,
        chat::ChatSettings,
        encoder::EncoderSettings,
        fetch::{ModelFiles, Progress, to_stderr},
        manifest::{Manifest, Task},
        memory::resident,
    };
    use tradewind_policies::spec::{Device, InProcess};

    use super::{LocalSettings, cache};
    use crate::backend::local::{Budget, Engine, Lease, LoadFailure, Loaded, Loader, Mebibytes, Memory};
    use crate::config::{Attention, DenseWeights};

    /// Of the memory that is available at start, models get three quarters unless the settings say otherwise: requests need some too.
    const QUARTERS: u64 = 3;

    /// What all models together may have of a machine's memory where the settings do not say.
    #[must_use]
    pub const fn usual_memory(machine: Machine) -> u64 {
        machine.available / 4 * QUARTERS
    }

    /// Brings models in with candle.
    pub struct LocalLoader {
        settings: LocalSettings,
        budget: Budget,
        /// What all models together may have of the machine's memory.
        limit: u64,
        progress: Box<dyn Progress + Send>,
        /// One model at a time: what a second takes could not be told from what the first does.
        loading: Mutex<()>,
    }

    impl LocalLoader {
        /// A loader that sets memory aside in `budget`.
        #[must_use]
        pub fn new(settings: LocalSettings, budget: Budget) -> Self {
            let usual = || Machine::look().map_or(u64::MAX, usual_memory);
            let limit = settings.memory.map_or_else(usual, |memory| memory.0);
            Self { settings, budget, limit, progress: to_stderr(), loading: Mutex::default() }
        }

        fn fetch(&self, model: &Manifest) -> Result<ModelFiles, LoadFailure> {
            let cache = cache(self.settings.models.clone(), &self.settings.accept_licences);
            let files = cache.and_then(|cache| cache.ensure(model, &*self.progress));
            files.map_err(|error| LoadFailure::Failed(error.to_string()))
        }

        /// Loads the model on one device.
        fn load_on(
            &self,
            device: DeviceChoice,
            model: &Manifest,
            files: &ModelFiles,
            how: InProcess,
        ) -> Result<Loaded, LoadFailure> {
            let estimate = footprint(model, files, device).map_err(failed)?;
            let memory = match device {
                DeviceChoice::Cuda(number) => Memory::Gpu(number, gpu_memory(number).map_err(failed)?.free),
                DeviceChoice::Auto | DeviceChoice::Cpu => Memory::Host(self.limit),
            };
            let asked = how.cache_tokens.map(|tokens| tokens.get());
            let fitting = || estimate.cache_within(self.budget.free(memory)).unwrap_or(estimate.least_cache_tokens);
            let cache_tokens = asked.unwrap_or_else(fitting);
            let lease = self.budget.reserve(model.id.as_str(), memory, estimate.bytes(cache_tokens))?;
            let hold = lease.hold();

            let before = resident();
            let has_cache = estimate.cache_token > 0;
            let dense = match self.settings.dense_weights {
                DenseWeights::EightBits => tradewind_candle::DenseWeights::EightBits,
                DenseWeights::FourBits => tradewind_candle::DenseWeights::FourBits,
                DenseWeights::AsStored => tradewind_candle::DenseWeights::AsStored,
            };
            let attention = match self.settings.attention {
                Attention::Operations => AttentionBy::Operations,
                Attention::Kernels => AttentionBy::Kernels,
            };
            let cache_tokens_asked = has_cache.then_some(cache_tokens);
            let options = LoadOptions { device, cache_tokens: cache_tokens_asked, dense, attention, ..LoadOptions::default() };
            let engine = self.start(model, files, &options, lease).map_err(failed)?;
            if matches!(memory, Memory::Host(_)) {
                let taken = resident().zip(before).map_or(0, |(after, before)| after.saturating_sub(before));
                tracing::info!(
                    model = %model.id,
                    estimated = %Mebibytes(estimate.weights),
                    taken = %Mebibytes(taken),
                    cache = %Mebibytes(estimate.cache(cache_tokens)),
                    cache_tokens,
                    "the memory of a local model"
                );
                let bytes = settled(&estimate, cache_tokens, taken);
                self.budget.correct(model.id.as_str(), &hold, memory, bytes)?;
            }
            Ok(Loaded { engine, hold })
        }

        fn start(
            &self,
            model: &Manifest,
            files: &ModelFiles,
            options: &LoadOptions,
            lease: Lease,
        ) -> Result<Engine, Box<dyn Error>> {
            let queue = self.settings.queue.get();
            let encoder = EncoderSettings { queue, ..EncoderSettings::default() };
            Ok(match model.task {
                Task::Chat => {
                    let settings = ChatSettings { queue, ..ChatSettings::default() };
                    Engine::Chat(ChatEngine::start_holding(load_chat(model, files, options)?, settings, lease)?)
                }
                Task::Embeddings { .. } => {
                    Engine::Embeddings(EncoderEngine::start_holding(load_encoder(model, files, options)?, encoder, lease)?)
                }
                Task::Rerank => Engine::Rerank(Reranker::start_holding(load_encoder(model, files, options)?, encoder, lease)?),
                Task::Classification => {
                    Engine::Classification(Classifier::start_holding(load_encoder(model, files, options)?, encoder, lease)?)
                }
                Task::TokenClassification { window } => {
                    let loaded = load_encoder(model, files, options)?;
                    Engine::TokenClassification(TokenClassifier::start_holding(loaded, encoder, window, lease)?)
                }
            })
        }
    }

    impl Loader for LocalLoader {
        fn load(&self, model: &Manifest, how: InProcess) -> Result<Vec<Loaded>, LoadFailure> {
            if !self.settings.enabled {
                return Err(LoadFailure::Never("local models are switched off: set `enabled` in [local]".to_owned()));
            }
            let files = self.fetch(model)?;
            let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
            let devices = devices(how.device.unwrap_or(self.settings.device), gpus());
            devices.into_iter().map(|device| self.load_on(device, model, &files, how)).collect()
        }
    }

    /// What a loaded model is counted for, of whose loading so many bytes of memory were seen to go. The cache is not among them: the system
    /// gives it as it is used.
    fn settled(estimate: &Footprint, cache_tokens: usize, taken: u64) -> u64 {
        estimate.weights.max(taken).saturating_add(estimate.cache(cache_tokens)).saturating_add(estimate.work)
    }

    /// The devices that a model is loaded on, where there are so many GPUs.
    fn devices(asked: Device, gpus: usize) -> Vec<DeviceChoice> {
        let all = || (0..gpus).map(DeviceChoice::Cuda).collect();
        match asked {
            Device::Auto if gpus == 0 => vec![DeviceChoice::Auto],
            // What is wrong with the first one is what is wrong with all.
            Device::Cuda if gpus == 0 => vec![DeviceChoice::Cuda(0)],
            Device::Auto | Device::Cuda => all(),
            Device::Cpu => vec![DeviceChoice::Cpu],
            Device::Gpu(number) => vec![DeviceChoice::Cuda(number)],
        }
    }

    fn failed(error: impl Into<Box<dyn Error>>) -> LoadFailure {
        LoadFailure::Failed(error.into().to_string())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_model_is_loaded_on_every_gpu_that_is_meant() {
            let (cpu, auto, gpu) = (DeviceChoice::Cpu, DeviceChoice::Auto, DeviceChoice::Cuda);
            for (asked, gpus, expected) in [
                (Device::Auto, 0, vec![auto]),
                (Device::Auto, 2, vec![gpu(0), gpu(1)]),
                (Device::Cuda, 2, vec![gpu(0), gpu(1)]),
                (Device::Cuda, 0, vec![gpu(0)]),
                (Device::Gpu(1), 2, vec![gpu(1)]),
                (Device::Cpu, 2, vec![cpu]),
            ] {
                assert_eq!(devices(asked, gpus), expected, "{asked}");
            }
        }

        #[test]
        fn what_was_seen_to_go_counts_if_it_is_more_than_was_expected() {
            let estimate = Footprint { weights: 100, cache_token: 2, work: 7, ..Footprint::default() };
            assert_eq!(settled(&estimate, 10, 90), 100 + 20 + 7);
            assert_eq!(settled(&estimate, 10, 300), 300 + 20 + 7);
        }
    }
}

#[cfg(not(feature = "local"))]
mod refuse {
    use tradewind_models::manifest::Manifest;
    use tradewind_policies::spec::InProcess;

    use super::LocalSettings;
    use crate::backend::local::{Budget, LoadFailure, Loaded, Loader};

    /// Brings nothing in.
    pub struct LocalLoader;

    impl LocalLoader {
        /// What a build with local inference needs.
        #[must_use]
        pub fn new(_: LocalSettings, _: Budget) -> Self {
            Self
        }
    }

    impl Loader for LocalLoader {
        fn load(&self, _: &Manifest, _: InProcess) -> Result<Vec<Loaded>, LoadFailure> {
            Err(LoadFailure::Never("this build has no local inference: build it with the feature `local`".to_owned()))
        }
    }
}
