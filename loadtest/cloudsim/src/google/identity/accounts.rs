//! Service accounts and the keys that were made for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The public keys of service accounts, by their ids. Clones are the same register.
#[derive(Clone, Debug, Default)]
pub struct ServiceAccounts(Arc<Mutex<HashMap<String, Account>>>);

#[derive(Clone, Debug)]
struct Account {
    email: String,
    /// As PKCS #1 writes it.
    public_key: Vec<u8>,
}

/// A key could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no RSA key could be made")]
pub struct NoKey;

impl ServiceAccounts {
    /// Makes a key for the account `sim@sim-project.iam.gserviceaccount.com`, in the form of the file that Google hands out; its owner
    /// is to ask for tokens at `token_uri`.
    ///
    /// # Errors
    ///
    /// No RSA key could be made.
    pub fn create_key(&self, token_uri: &str) -> Result<Value, NoKey> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| NoKey)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| NoKey)?;
        let email = "sim@sim-project.iam.gserviceaccount.com";
        let id: String = rand::random::<[u8; 20]>().iter().map(|byte| format!("{byte:02x}")).collect();
        let account = Account { email: email.into(), public_key: pair.public_key().as_ref().to_vec() };
        // Inserting cannot leave a map half-done, so a panic elsewhere has not spoilt it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), account);
        Ok(json!({
            "type": "service_account",
            "project_id": "sim-project",
            "private_key_id": id,
            "private_key": pem(der.as_ref()),
            "client_email": email,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }))
    }

    /// Whether the account of that address signed `message` with the key of that id, by RS256.
    pub(super) fn signed(&self, email: &str, key: &str, message: &[u8], signature: &[u8]) -> bool {
        let account = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        account.is_some_and(|account| {
            let public_key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &account.public_key);
            account.email == email && public_key.verify(message, signature).is_ok()
        })
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}
