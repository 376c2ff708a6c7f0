//! The page for people: one bundle of plain files, in the binary, that every service serves at `/`.
//!
//! It asks the service that it came from for `/services` ([`Services`]), and from then on each service for its own
//! figures; so every service shows all of them, and one that does not answer is missing alone. Deliberately absent:
//! anything that writes, a build step, and knowledge of what the services do, which is the bundle's.

mod bundle;
mod services;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

pub use services::{Role, Service, Services, WrongService};

/// What the page's answers say about themselves, to browsers: nothing from elsewhere is loaded, nobody frames it.
const FIXED: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // Looked at again each time, for little: the answer is mostly 304.
    (header::CACHE_CONTROL, "no-cache"),
];

/// `/`, `/page/...` and `/services`, for the service called `name`.
pub(crate) fn router(name: &'static str) -> Router {
    let services = Services::of_this_process();
    let policy = policy(services);
    let told = json!({ "self": name, "version": crate::VERSION, "services": serde_json::Value::from(services) });
    let mut router = Router::new().route("/services", get(move || async move { Json(told) }));
    for file in bundle::FILES {
        let policy = policy.clone();
        let answer = move |headers: HeaderMap| async move { answer(file, &policy, &headers) };
        router = router.route(file.path, get(answer));
    }
    router
}

/// Scripts, styles and pictures from here alone; data from here and from the services that are told of.
fn policy(services: &Services) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        services.sources()
    );
    // URLs were checked to have no character that a header must not.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn answer(file: &bundle::File, policy: &HeaderValue, asked: &HeaderMap) -> Response {
    let tag = bundle::tag();
    let mut headers = HeaderMap::from_iter(FIXED.map(|(name, value)| (name, HeaderValue::from_static(value))));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    headers.insert(header::ETAG, tag.clone());
    if asked.get(header::IF_NONE_MATCH) == Some(tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    (headers, file.text).into_response()
}
