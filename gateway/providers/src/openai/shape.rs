//! What other providers' adapters share with that of OpenAI-shaped hosts.

pub(crate) use super::{
    adapter::{completion_by_chat, post},
    answers::Answers,
    body::{chat_body, chat_object, check_images, unreadable, unwritable},
    host::{AZURE, AZURE_BEFORE_STREAM_OPTIONS, FOUNDRY, Habits, WATSONX},
    judge::judge,
    lists::{texts, written},
    models::openai_model,
    object::Object,
};
