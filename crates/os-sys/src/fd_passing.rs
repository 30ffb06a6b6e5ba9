//! Frames over a Unix socket, with descriptors.
//!
//! *Shape*: four bytes of length, little endian, then the bytes; descriptors travel with the
//! first byte of a frame. *Source*: unix(7), `SCM_RIGHTS`.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The largest frame in bytes.
pub const FRAME_LIMIT: usize = 1 << 20;

/// Maximum number of descriptors per frame.
const DESCRIPTORS: usize = 4;

/// Sends one frame, with at most four descriptors.
pub fn send_frame(socket: impl AsFd, body: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let length = u32::try_from(body.len())
        .ok()
        .filter(|_| body.len() <= FRAME_LIMIT);
    let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend_from_slice(body);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut sent = 0;
    while let Some(rest) = frame.get(sent..).filter(|rest| !rest.is_empty()) {
        match sendmsg(
            &socket,
            &[IoSlice::new(rest)],
            &mut control,
            SendFlags::NOSIGNAL,
        ) {
            Ok(count) => sent += count,
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        control.clear();
    }
    Ok(())
}

/// A frame that was received, and its descriptors.
pub type Received = (Vec<u8>, Vec<OwnedFd>);

/// Receives one frame and its descriptors; `None` at the end of the stream.
///
/// *Errors*: a frame that is cut off, or longer than [`FRAME_LIMIT`].
pub fn receive_frame(socket: impl AsFd) -> io::Result<Option<Received>> {
    let mut fds = Vec::new();
    let mut head = [0_u8; 4];
    if !fill(&socket, &mut head, &mut fds)? {
        return Ok(None);
    }
    let length = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
    if length > FRAME_LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the frame is too long",
        ));
    }
    let mut body = vec![0; length];
    if !fill(&socket, &mut body, &mut fds)? && length > 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some((body, fds)))
}

/// Fills a buffer; `false` if the stream ended before its first byte.
fn fill(socket: &impl AsFd, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<bool> {
    let mut done = 0;
    while done < buffer.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let rest = buffer.get_mut(done..).unwrap_or_default();
        let received = recvmsg(
            socket,
            &mut [IoSliceMut::new(rest)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        let count = match received {
            Ok(message) => message.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                fds.extend(received);
            }
        }
        if count == 0 {
            return match done {
                0 => Ok(false),
                _ => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        done += count;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn frames_and_descriptors_arrive() {
        let (one, other) = UnixStream::pair().unwrap();
        let (mut read, write) = io::pipe().unwrap();
        send_frame(&one, b"hello", &[write.as_fd()]).unwrap();
        drop(write);
        send_frame(&one, b"", &[]).unwrap();
        drop(one);
        let (body, fds) = receive_frame(&other).unwrap().unwrap();
        assert_eq!((body.as_slice(), fds.len()), (&b"hello"[..], 1));
        let mut pipe = std::fs::File::from(fds.into_iter().next().unwrap());
        pipe.write_all(b"x").unwrap();
        drop(pipe);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
        assert_eq!(receive_frame(&other).unwrap().unwrap().0, b"");
        assert!(receive_frame(&other).unwrap().is_none());
    }

    #[test]
    fn long_and_cut_frames_are_errors() {
        let (mut one, other) = UnixStream::pair().unwrap();
        one.write_all(&u32::MAX.to_le_bytes()).unwrap();
        receive_frame(&other).unwrap_err();
        let (mut one, other) = UnixStream::pair().unwrap();
        one.write_all(&[9, 0, 0, 0, 1]).unwrap();
        drop(one);
        receive_frame(&other).unwrap_err();
    }
}
