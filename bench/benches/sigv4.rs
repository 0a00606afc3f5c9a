//! Signing a request of 4 KiB for AWS: our signer, with a key kept for the day and with one derived anew, and AWS's crate.

#![expect(missing_docs, unused_qualifications, reason = "of what the macros of the benchmarks write")]

use std::{
    hint::black_box,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign as aws_sign},
    sign::v4,
};
use gungraun::prelude::*;
use http::{Request, request::Parts};
use tradewind_providers::aws::{Credentials, SigningKey, sign_with};

const URI: &str = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse";
const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const REGION: &str = "us-east-1";
const SERVICE: &str = "bedrock";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
}

fn credentials() -> Credentials {
    Credentials { access_key_id: ID.to_owned(), secret_access_key: SECRET.to_owned(), session_token: None }
}

fn body() -> Vec<u8> {
    vec![b'x'; 4096]
}

fn request() -> Request<Vec<u8>> {
    let mut request = Request::new(body());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static(URI);
    request.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    request
}

fn kept_key() -> (SigningKey, Parts, Vec<u8>) {
    let (parts, body) = request().into_parts();
    (SigningKey::derive(&credentials(), REGION, SERVICE, now()), parts, body)
}

#[library_benchmark]
#[bench::four_kib(kept_key())]
fn ours_with_a_kept_key((key, mut parts, body): (SigningKey, Parts, Vec<u8>)) -> Parts {
    let signed = sign_with(&key, &mut parts, &body, now());
    assert!(black_box(signed).is_ok());
    parts
}

#[library_benchmark]
#[bench::four_kib(request().into_parts(), credentials())]
fn ours_with_a_derived_key((mut parts, body): (Parts, Vec<u8>), credentials: Credentials) -> Parts {
    let key = SigningKey::derive(&credentials, REGION, SERVICE, now());
    let signed = sign_with(&key, &mut parts, &body, now());
    assert!(black_box(signed).is_ok());
    parts
}

#[library_benchmark]
#[bench::four_kib(request(), AwsCredentials::new(ID, SECRET, None, None, "bench"))]
fn the_crate_of_aws(mut request: Request<Vec<u8>>, credentials: AwsCredentials) -> Request<Vec<u8>> {
    let identity = credentials.into();
    let builder = v4::SigningParams::builder().identity(&identity).region(REGION).name(SERVICE).time(now());
    let parameters = builder.settings(SigningSettings::default()).build();
    let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new("POST", URI, headers, SignableBody::Bytes(request.body()));
    let signed =
        parameters.ok().zip(signable.ok()).and_then(|(parameters, signable)| aws_sign(signable, &parameters.into()).ok());
    if let Some(signed) = black_box(signed) {
        signed.into_parts().0.apply_to_request_http1x(&mut request);
    }
    request
}

library_benchmark_group!(name = sigv4, benchmarks = [ours_with_a_kept_key, ours_with_a_derived_key, the_crate_of_aws]);

main!(library_benchmark_groups = sigv4);
