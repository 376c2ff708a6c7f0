//! The files of the page, and a tag that changes when one of them does.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::http::HeaderValue;

/// One file.
pub(super) struct File {
    /// Where it is served.
    pub(super) path: &'static str,
    /// Its media type.
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal => $kind:ident $file:literal,)*) => {
        /// All of them.
        pub(super) static FILES: &[File] = &[$(File {
            path: $path,
            kind: $kind,
            text: include_str!(concat!("../../page/", $file)),
        },)*];

        #[cfg(test)]
        const NAMES: &[&str] = &[$($file),*];
    };
}

files! {
    "/" => HTML "index.html",
    "/page/abi.js" => JS "abi.js",
    "/page/chart.js" => JS "chart.js",
    "/page/dom.js" => JS "dom.js",
    "/page/format.js" => JS "format.js",
    "/page/icon.svg" => SVG "icon.svg",
    "/page/live.js" => JS "live.js",
    "/page/main.js" => JS "main.js",
    "/page/matrix.js" => JS "matrix.js",
    "/page/parts.js" => JS "parts.js",
    "/page/rpc.js" => JS "rpc.js",
    "/page/search.js" => JS "search.js",
    "/page/source.js" => JS "source.js",
    "/page/style.css" => CSS "style.css",
    "/page/view-account.js" => JS "view-account.js",
    "/page/view-block.js" => JS "view-block.js",
    "/page/view-da.js" => JS "view-da.js",
    "/page/view-execution.js" => JS "view-execution.js",
    "/page/view-health.js" => JS "view-health.js",
    "/page/view-history.js" => JS "view-history.js",
    "/page/view-overview.js" => JS "view-overview.js",
    "/page/view-settlement.js" => JS "view-settlement.js",
    "/page/view-transaction.js" => JS "view-transaction.js",
}

/// An entity tag of the whole bundle: its files go together.
pub(super) fn tag() -> &'static HeaderValue {
    static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
        let mut hasher = DefaultHasher::new();
        FILES.iter().for_each(|file| file.text.hash(&mut hasher));
        let text = format!("\"{:016x}\"", hasher.finish());
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("\"weft\""))
    });
    &TAG
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A file that is in the folder and not in the table is not in the binary, and nothing else would notice.
    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let mut there: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut named: Vec<&str> = NAMES.to_vec();
        there.sort();
        named.sort_unstable();
        assert_eq!(there, named);
    }

    /// With the policy that forbids it, a style or script within the page would silently do nothing.
    #[test]
    fn nothing_is_inline_and_nothing_is_loaded_from_elsewhere() {
        for file in FILES.iter().filter(|file| file.kind == HTML) {
            for forbidden in ["<style", " style=", " onclick=", "<script>", "http://", "https://"] {
                assert!(!file.text.contains(forbidden), "{} has {forbidden}", file.path);
            }
        }
    }
}
