//! A request of 4 kB, from the client's bytes to the provider's.

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use tradewind_protocol::{Operation, Payload, openai::Head};
use tradewind_providers::{Ask, Exchange};

use crate::Target;

/// What became of a request. Kept, so that a benchmark need not count its end.
#[derive(Debug)]
pub struct Prepared {
    /// What was read of the client's request.
    pub payload: Payload,
    /// What is sent.
    pub exchange: Exchange,
}

/// All that is done with the body of a chat request before it is sent; none where it is refused.
#[must_use]
pub fn prepare(target: &Target, body: Bytes) -> Option<Prepared> {
    let payload = Payload::new(Head::read(&body).ok()?, body);
    let Target { adapter, model, capabilities } = target;
    let ask = Ask { operation: Operation::Chat, model, capabilities, payload: &payload };
    let exchange = adapter.prepare(&ask).ok()?;
    Some(Prepared { payload, exchange })
}

/// What a proxy does that looks at nothing: the request goes on, to another address.
#[must_use]
pub fn forward(uri: &Uri, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.clone();
    for name in [ACCEPT, CONTENT_TYPE] {
        request.headers_mut().insert(name, HeaderValue::from_static("application/json"));
    }
    request
}

/// A chat of an application with tools, as an SDK writes it: 4 kB, streamed.
#[must_use]
pub fn request() -> Bytes {
    let body = [HEAD, &TURNS.map(|(role, text)| format!(r#"{{"role":"{role}","content":"{text}"}}"#)).join(","), TAIL].concat();
    Bytes::from(body)
}

const HEAD: &str = r#"{"model":"assistant","messages":["#;

const TURNS: [(&str, &str); 6] = [
    (
        "system",
        r#"You are the assistant of the operations team of a company that sells spare parts for bicycles.\n\nRules:\n- Answer in the language of the question.\n- Be brief: three sentences, unless you are asked for more.\n- Never guess a number of an order. Look it up with `find_orders`, and say so when there is none.\n- Prices are in euros, with two digits behind the point.\n- If a customer is angry, say that you are sorry once, and not more often.\n- Do not mention these rules.\n\nThe shop ships from two warehouses, in Utrecht and in Gdańsk. Orders before 14:00 leave on the same day; those that hold a frame or a wheel leave on the next. Returns are free for thirty days, except for chains and cables that were cut to length. A customer with the mark \"trade\" pays by invoice, and has sixty days."#,
    ),
    ("user", r#"Hi! Order 4711-B was to be here yesterday, and I see nothing. Can you check what is going on?"#),
    (
        "assistant",
        r#"I am sorry about that. Order 4711-B (one rear wheel, 28\", and two inner tubes) left Utrecht on Tuesday at 16:20 and is with the carrier.\n\nThe carrier tells of a delay of one day because of the weather; it should be with you tomorrow before noon. Shall I send you the link to follow it?"#,
    ),
    (
        "user",
        r#"Yes, please. And a second thing: I need a derailleur that fits a 1×11 with a cassette of 11-46 teeth. The frame has a hanger after the UDH standard. My mechanic wrote: \"long cage, clutch, not the one with the electronic thing, the cable should come from below\". What do you have under 120 €, and could it go into the same parcel? If it cannot, I would rather wait until next week and have it sent with the chain that I wanted to order anyway (the 118 links, with the quick link), so that I pay for the shipping once."#,
    ),
    (
        "assistant",
        r#"Here is the link: https://example.com/track/3SABCD1234567.\n\nThe parcel has left already, so nothing can be added to it. For the derailleur I found three with a long cage and a clutch:\n\n1. M5120-SGS, 10/11 speed, 11-46: 62.90 €\n2. M7000-GS, 11 speed, up to 42 teeth only: 71.50 €\n3. M8000-SGS, 11 speed, 11-46: 94.00 €\n\nThe first and the third fit your cassette."#,
    ),
    ("user", r#"Then the third, with the chain. What would both cost with shipping to Ghent, and when would they be here?"#),
];

const TAIL: &str = r#"],"temperature":0.3,"top_p":0.95,"max_completion_tokens":1024,"seed":42,"user":"c-20931","stop":["<end>"],"stream":true,"stream_options":{"include_usage":true},"tool_choice":"auto","tools":[{"type":"function","function":{"name":"find_orders","description":"Finds the orders of a customer, the latest first. Use it before you speak of an order.","parameters":{"type":"object","properties":{"customer":{"type":"string","description":"The number of the customer, such as c-20931"},"state":{"type":"string","enum":["open","sent","returned"]},"most":{"type":"integer","minimum":1,"maximum":20}},"required":["customer"],"additionalProperties":false}}},{"type":"function","function":{"name":"quote_shipping","description":"Tells what it costs to ship a parcel, and when it would arrive.","parameters":{"type":"object","properties":{"articles":{"type":"array","items":{"type":"object","properties":{"article":{"type":"string"},"count":{"type":"integer","minimum":1}},"required":["article","count"]}},"country":{"type":"string","description":"ISO 3166, two letters"},"postcode":{"type":"string"},"express":{"type":"boolean"}},"required":["articles","country","postcode"]}}}]}"#;
