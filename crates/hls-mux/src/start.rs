use std::collections::VecDeque;

use media::{MediaDuration, Packet, Track};

/// The packets before the first segment, while it is open which tracks there are.
///
/// They would be in the first segment anyway, so that waiting costs nothing but parts their head start.
#[derive(Debug)]
pub(crate) struct Start {
    packets: VecDeque<Packet>,
    bytes: usize,
    patience: MediaDuration,
    most_bytes: usize,
}

/// What the first segment begins with.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    /// In the order in which to write them: the key frame first, if there is one.
    pub(crate) packets: Vec<Packet>,
    /// What comes before the beginning.
    pub(crate) dropped: usize,
}

impl Start {
    pub(crate) fn new(patience: MediaDuration, most_bytes: usize) -> Self {
        Self { packets: VecDeque::new(), bytes: 0, patience, most_bytes }
    }

    pub(crate) fn push(&mut self, packet: Packet) {
        self.bytes += packet.data.len();
        self.packets.push_back(packet);
    }

    /// Forgets a track's packets, whose configuration has changed. Returns how many there were.
    pub(crate) fn forget(&mut self, track: Track) -> usize {
        let before = self.packets.len();
        self.packets.retain(|packet| packet.track != track);
        self.bytes = self.packets.iter().map(|packet| packet.data.len()).sum();
        before - self.packets.len()
    }

    /// Whether the first segment can begin: both tracks are here, or it took too long.
    pub(crate) fn is_over(&self) -> bool {
        let complete = self.packets.iter().any(is_key_frame)
            && self.packets.iter().any(|packet| packet.track == Track::Audio);
        let waited = match (self.packets.front(), self.packets.back()) {
            (Some(first), Some(last)) => last.dts - first.dts,
            _ => MediaDuration::ZERO,
        };
        complete || waited.abs() >= self.patience || self.bytes >= self.most_bytes
    }

    /// Takes what there is: from the key frame on, or the audio alone if none came.
    pub(crate) fn begin(&mut self) -> Beginning {
        let mut packets = std::mem::take(&mut self.packets);
        self.bytes = 0;
        let before = packets.len();
        let key = packets.iter().position(is_key_frame).and_then(|at| Some((at, packets.remove(at)?)));
        let Some((at, key)) = key else {
            packets.retain(|packet| packet.track == Track::Audio);
            let dropped = before - packets.len();
            return Beginning { packets: packets.into(), dropped };
        };
        let mut kept = Vec::with_capacity(packets.len() + 1);
        let start = key.pts;
        kept.push(key);
        let follows = |(index, packet): &(usize, Packet)| match packet.track {
            Track::Video => *index >= at,
            Track::Audio => packet.pts >= start,
        };
        kept.extend(packets.into_iter().enumerate().filter(follows).map(|(_, packet)| packet));
        let dropped = before - kept.len();
        Beginning { packets: kept, dropped }
    }
}

fn is_key_frame(packet: &Packet) -> bool {
    packet.track == Track::Video && packet.is_keyframe
}
