//! A network between a process and its server, which can be cut.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to a port of this machine. Dropping it cuts all.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    lines: Arc<Mutex<Vec<TcpStream>>>,
    is_down: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let lines: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let is_down = Arc::new(AtomicBool::new(false));
        let (kept, down) = (Arc::clone(&lines), Arc::clone(&is_down));
        thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                if down.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for line in [&near, &far] {
                    line.set_nodelay(true).unwrap();
                }
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        drop(std::io::copy(&mut from, &mut to));
                        drop(to.shutdown(Shutdown::Both));
                        drop(from.shutdown(Shutdown::Both));
                    });
                }
                kept.lock().unwrap().extend([near, far]);
            }
        });
        Self { port: own, lines, is_down }
    }

    /// Cuts every connection at once; what was on its way is lost.
    pub(crate) fn cut(&self) {
        for line in self.lines.lock().unwrap().drain(..) {
            drop(line.shutdown(Shutdown::Both));
        }
    }

    /// Lets no new connection through, or does again.
    pub(crate) fn down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
        if is_down {
            self.cut();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.down(true);
    }
}
