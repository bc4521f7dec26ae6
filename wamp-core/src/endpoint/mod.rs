//! Where a RawSocket transport listens or connects: the URL forms of the field.

use core::error::Error;
use core::fmt;
use core::str::FromStr;
use std::io;

#[cfg(unix)]
pub mod unix;

/// Where a RawSocket transport listens or connects.
///
/// | form | meaning |
/// |---|---|
/// | `rs://HOST:PORT`, `tcp://HOST:PORT` | TCP; an IPv6 address stands in brackets |
/// | `rs://unix:PATH`, `unix:PATH`, `unix://PATH` | Unix socket; `@NAME` is Linux' abstract namespace |
///
/// ```
/// use wamp_rawsocket_core::endpoint::Endpoint;
///
/// let endpoint: Endpoint = "rs://[::1]:8080".parse()?;
/// assert_eq!(endpoint, Endpoint::Tcp { host: "::1".into(), port: 8080 });
/// assert_eq!(endpoint.to_string(), "rs://[::1]:8080");
/// let endpoint: Endpoint = "unix:/run/wamp.sock".parse()?;
/// assert_eq!(endpoint.to_string(), "rs://unix:/run/wamp.sock");
/// # Ok::<_, wamp_rawsocket_core::endpoint::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// TCP.
    Tcp {
        /// A name or an address, an IPv6 address without brackets.
        host: String,
        /// The port; 0 listens on a free one.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// The path in the file system, or `@` and a name in Linux' abstract namespace.
        path: String,
    },
}

impl Endpoint {
    /// What an adapter answers that knows no such sockets.
    pub fn unsupported(&self) -> io::Error {
        let text = format!("{self} is not for this adapter");
        io::Error::new(io::ErrorKind::Unsupported, text)
    }
}

/// Lets as many connections wait to be accepted as the system allows, for a socket that listens
/// already. The standard library asks for 128. Of a crowd that comes at once the system drops the
/// others in silence, and each tries again a second later.
///
/// # Errors
///
/// Those of the operating system.
#[cfg(unix)]
pub fn widen(listener: impl std::os::fd::AsFd) -> io::Result<()> {
    // More than the system allows is what it allows.
    Ok(rustix::net::listen(listener, 1 << 14)?)
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if let Some(path) = url.strip_prefix("unix:") {
            return unix_endpoint(path.strip_prefix("//").unwrap_or(path));
        }
        let (scheme, rest) = url.split_once("://").ok_or(EndpointError::NoScheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "rs" => match rest.strip_prefix("unix:") {
                Some(path) => unix_endpoint(path),
                None => tcp(rest),
            },
            "tcp" => tcp(rest),
            "rss" | "tcps" | "tls" => Err(EndpointError::NoTls),
            _ => Err(EndpointError::UnknownScheme(scheme.to_owned())),
        }
    }
}

fn unix_endpoint(path: &str) -> Result<Endpoint, EndpointError> {
    if path.is_empty() || path == "@" {
        return Err(EndpointError::NoPath);
    }
    if path.contains('\0') {
        return Err(EndpointError::NulInPath);
    }
    Ok(Endpoint::Unix {
        path: path.to_owned(),
    })
}

fn tcp(authority: &str) -> Result<Endpoint, EndpointError> {
    let trailing = |what: &str| EndpointError::Trailing(what.to_owned());
    if let Some(at) = authority.find(['/', '?', '#']) {
        return Err(trailing(authority.get(at..).unwrap_or_default()));
    }
    if let Some((user, _)) = authority.split_once('@') {
        return Err(EndpointError::UserInfo(user.to_owned()));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(EndpointError::OpenBracket)?;
            host.parse::<core::net::Ipv6Addr>()
                .map_err(|_| EndpointError::BadHost(host.to_owned()))?;
            (host, port.strip_prefix(':').ok_or(EndpointError::NoPort)?)
        }
        None => authority.rsplit_once(':').ok_or(EndpointError::NoPort)?,
    };
    if host.is_empty() || !authority.starts_with('[') && host.contains(':') {
        return Err(EndpointError::BadHost(host.to_owned()));
    }
    let digits = !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit());
    let number = port.parse().ok().filter(|_| digits);
    let port = number.ok_or_else(|| EndpointError::BadPort(port.to_owned()))?;
    Ok(Endpoint::Tcp {
        host: host.to_owned(),
        port,
    })
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "rs://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "rs://{host}:{port}"),
            Self::Unix { path } => write!(f, "rs://unix:{path}"),
        }
    }
}

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no `SCHEME://` and no `unix:`.
    NoScheme,
    /// The scheme is none that is known here.
    UnknownScheme(String),
    /// The scheme asks for TLS, which is not to be had yet. It is never dropped in silence.
    NoTls,
    /// The port is missing. There is no usual one for RawSocket.
    NoPort,
    /// The port is not a number up to 65535.
    BadPort(String),
    /// The host is empty, or an IPv6 address that is malformed or not in brackets.
    BadHost(String),
    /// An IPv6 address' bracket is not closed.
    OpenBracket,
    /// There is a user name, for which RawSocket has no use.
    UserInfo(String),
    /// There is a path, query or fragment, for which RawSocket has no use.
    Trailing(String),
    /// The Unix socket's path is empty.
    NoPath,
    /// The Unix socket's path contains a NUL.
    NulInPath,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScheme => f.write_str("no scheme: write rs://HOST:PORT or unix:PATH"),
            Self::UnknownScheme(scheme) => {
                write!(
                    f,
                    "unknown scheme {scheme:?}: write rs://HOST:PORT or unix:PATH"
                )
            }
            Self::NoTls => f.write_str("TLS is not supported yet"),
            Self::NoPort => f.write_str("no port: write rs://HOST:PORT"),
            Self::BadPort(port) => write!(f, "{port:?} is not a port"),
            Self::BadHost(host) => {
                write!(
                    f,
                    "{host:?} is not a host; an IPv6 address stands in brackets"
                )
            }
            Self::OpenBracket => f.write_str("the bracket of the IPv6 address is not closed"),
            Self::UserInfo(user) => write!(f, "user name {user:?} has no meaning here"),
            Self::Trailing(rest) => write!(f, "{rest:?} behind the port has no meaning here"),
            Self::NoPath => f.write_str("no path: write unix:PATH"),
            Self::NulInPath => f.write_str("a Unix socket's path cannot contain a NUL"),
        }
    }
}

impl Error for EndpointError {}
