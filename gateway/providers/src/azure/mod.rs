//! Azure OpenAI, Azure AI Foundry models and serverless endpoints: OpenAI's API at three kinds of addresses.
//!
//! On the dated surface the deployment is part of the path; on the GA surface (`/openai/v1`) it is the `model` of the body; the model
//! inference API serves other vendors' models. Answers pass through: what Azure adds to them (content filter results, a first chunk without
//! choices) is what Azure's own clients see.

mod adapter;
mod surface;

pub use adapter::Azure;
pub use surface::Surface;
