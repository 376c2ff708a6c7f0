//! Where a browser finds the other services.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::OnceLock;

use axum::http::Uri;
use serde_json::{Map, Value};

/// Told once a process, as logs and metrics are: `weft dev` has one table for all its services.
static SERVICES: OnceLock<Services> = OnceLock::new();

/// Used where nothing was told.
static DEFAULTS: Services = Services { urls: [const { None }; Role::ALL.len()] };

/// What a URL leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The sequencer's HTTP port.
    Sequencer,
    /// Ethereum JSON-RPC, HTTP and WebSocket.
    Rpc,
    /// The DA node's HTTP port.
    Da,
    /// Settlement's HTTP port.
    Settlement,
    /// The light client's HTTP port.
    Light,
    /// A follower's HTTP port.
    Node,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Sequencer, Self::Rpc, Self::Da, Self::Settlement, Self::Light, Self::Node];

    /// Its name in options and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequencer => "sequencer",
            Self::Rpc => "rpc",
            Self::Da => "da",
            Self::Settlement => "settlement",
            Self::Light => "light",
            Self::Node => "node",
        }
    }

    /// Its URL unless told otherwise: the usual port, on the host of the page, which puts that in the place of a loopback
    /// address. A follower is there only where somebody says so.
    const fn default_url(self) -> Option<&'static str> {
        match self {
            Self::Sequencer => Some("http://127.0.0.1:9101"),
            Self::Rpc => Some("http://127.0.0.1:8545"),
            Self::Da => Some("http://127.0.0.1:9201"),
            Self::Settlement => Some("http://127.0.0.1:9301"),
            Self::Light => Some("http://127.0.0.1:9401"),
            Self::Node => None,
        }
    }
}

/// The text is not `ROLE=URL`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not ROLE=URL, as da=https://da.example: roles are sequencer, rpc, da, settlement, light and node")]
pub struct WrongService(String);

/// One service, as an operator names it: `da=https://da.example`.
impl FromStr for Service {
    type Err = WrongService;

    fn from_str(text: &str) -> Result<Self, WrongService> {
        let parse = || {
            let (name, url) = text.split_once('=')?;
            let role = Role::ALL.into_iter().find(|role| role.name() == name)?;
            let uri: Uri = url.parse().ok()?;
            let good = matches!(uri.scheme_str()?, "http" | "https")
                && uri.path() == "/"
                && uri.query().is_none()
                && !uri.authority()?.as_str().contains([';', ',', '@']);
            good.then(|| Self { role, url: url.trim_end_matches('/').to_owned() })
        };
        parse().ok_or_else(|| WrongService(text.to_owned()))
    }
}

/// See [`Services::tell`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    role: Role,
    url: String,
}

/// The URLs under which a browser reaches the services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    urls: [Option<String>; Role::ALL.len()],
}

impl Services {
    /// Sets where a service is; the first word counts.
    pub fn with(mut self, role: Role, url: String) -> Self {
        self.urls[role as usize].get_or_insert(url);
        self
    }

    /// As [`Services::with`].
    pub fn with_all(self, services: impl IntoIterator<Item = Service>) -> Self {
        services.into_iter().fold(self, |all, Service { role, url }| all.with(role, url))
    }

    /// Makes this what the pages of this process say. The first call counts.
    pub fn tell(self) {
        // A second start in one process (tests) keeps the first.
        let _ = SERVICES.set(self);
    }

    pub(super) fn of_this_process() -> &'static Self {
        SERVICES.get().unwrap_or(&DEFAULTS)
    }

    fn url(&self, role: Role) -> Option<&str> {
        self.urls[role as usize].as_deref().or(role.default_url())
    }

    /// The URLs as sources of a Content-Security-Policy, each after a space. A URL with an IP address may be reached by
    /// another name of the same machine, so its port is allowed on every host.
    pub(super) fn sources(&self) -> String {
        let source = |role: Role| {
            let uri: Uri = self.url(role)?.parse().ok()?;
            let (authority, secure) = (uri.authority()?, uri.scheme_str() == Some("https"));
            let is_address = authority.host().trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
            let place = match authority.port_u16() {
                Some(port) if is_address => format!("*:{port}"),
                _ => authority.to_string(),
            };
            let (http, ws) = if secure { ("https", "wss") } else { ("http", "ws") };
            let socket = if role == Role::Rpc { format!(" {ws}://{place}") } else { String::new() };
            Some(format!(" {http}://{place}{socket}"))
        };
        Role::ALL.into_iter().filter_map(source).collect()
    }
}

/// As JSON: role to URL.
impl From<&Services> for Value {
    fn from(services: &Services) -> Self {
        let url = |role: Role| Some((role.name().to_owned(), Self::from(services.url(role)?)));
        Self::Object(Role::ALL.into_iter().filter_map(url).collect::<Map<_, _>>())
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.role.name(), self.url)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_counts_and_the_rest_is_the_usual_port() {
        let named: Service = "da=https://da.example/".parse().unwrap();
        let services = Services::default().with_all([named]).with(Role::Da, "http://10.0.0.1:1".to_owned());
        let json = Value::from(&services);
        assert_eq!((&json["da"], &json["light"]), (&"https://da.example".into(), &"http://127.0.0.1:9401".into()));
        assert_eq!(json.get("node"), None);
        let sources = services.with(Role::Rpc, "http://[::1]:18545".to_owned()).sources();
        let wanted = " http://*:9101 http://*:18545 ws://*:18545 https://da.example http://*:9301 http://*:9401";
        assert_eq!(sources, wanted);
    }

    #[test]
    fn what_could_change_the_policy_is_refused() {
        for text in [
            "da",
            "da=",
            "moon=http://a",
            "da=ftp://a",
            "da=http://a/b",
            "da=http://a?b",
            "da=http://a;b",
            "da=http://a b",
            "da=http://me:secret@a",
        ] {
            assert_eq!(text.parse::<Service>(), Err(WrongService(text.to_owned())), "{text}");
        }
        assert_eq!("rpc=http://a:1".parse::<Service>().unwrap().to_string(), "rpc=http://a:1");
    }
}
