//! Operators find what they are told of.

use tradewind::admin::PAGES;

use crate::support::{Gateway, Policy, cloud};

#[tokio::test]
async fn every_page_that_is_named_at_the_start_is_served_and_named_to_who_asks_for_another() {
    let a = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    let unknown = gateway.admin("/status").await;
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
    for page in PAGES {
        let answer = gateway.admin(page).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{page}: {answer}");
        assert!(unknown.contains(page), "{page}: {unknown}");
    }
}
