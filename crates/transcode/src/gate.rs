use media::MediaEvent;

/// Holds the very first output back until it is known which tracks there are, so that both
/// configurations come before the first packet.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_open: bool,
    held: Vec<MediaEvent>,
}

impl Gate {
    /// Hands `event` on, or holds it.
    pub(crate) fn pass(&mut self, event: MediaEvent, out: &mut dyn FnMut(MediaEvent)) {
        if self.is_open { out(event) } else { self.held.push(event) }
    }

    /// Whether events are handed on.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether pictures are among what is held.
    pub(crate) fn has_pictures(&self) -> bool {
        self.held.iter().any(|event| matches!(event, MediaEvent::Video(_)))
    }

    /// Lets everything out: configurations first, then packets in the order of decoding.
    pub(crate) fn open(&mut self, out: &mut dyn FnMut(MediaEvent)) {
        self.is_open = true;
        let mut held = std::mem::take(&mut self.held);
        held.sort_by_key(|event| match event {
            MediaEvent::Video(_) => (0, None),
            MediaEvent::Audio(_) => (1, None),
            MediaEvent::Packet(packet) => (2, Some(packet.dts)),
        });
        held.into_iter().for_each(out);
    }
}
