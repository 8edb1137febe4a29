//! A port for a program that must be told where to listen.

use std::{io, net::Ipv4Addr};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that stays reserved while this value lives.
///
/// Asking the system for a free port, giving it back and naming it to a program
/// loses it now and then to someone else in between. So the socket that was given
/// the port is kept: it never listens, and on Linux a program that sets
/// `SO_REUSEADDR`, as servers do, may listen on the port all the same, while the
/// system gives it to nobody who asks for any free one. Other systems would refuse
/// the program, so there the port is only known to have been free.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _reservation: Option<TcpSocket>,
}

impl Port {
    /// Reserves a port that is free now.
    pub fn reserve() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let number = socket.local_addr()?.port();
        Ok(Self { number, _reservation: cfg!(target_os = "linux").then_some(socket) })
    }

    /// The port.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_reserved_port_can_be_listened_on() {
        let port = Port::reserve().unwrap();
        TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).await.unwrap();
    }

    #[test]
    fn a_reserved_port_is_not_given_to_anyone_else() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _guard = runtime.enter();
        let ports: Vec<Port> = (0..500).map(|_| Port::reserve().unwrap()).collect();
        let numbers: std::collections::BTreeSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
    }
}
