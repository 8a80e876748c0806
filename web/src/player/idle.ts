const IDLE_MS = 2_500;

/** Marks a player as idle when its viewer has done nothing for a while, so that its controls can go. */
export class Idle {
  private timer = 0;

  constructor(private readonly player: HTMLElement) {
    for (const event of ["pointermove", "pointerdown", "focusin"]) {
      player.addEventListener(event, () => this.wake());
    }
    player.addEventListener("pointerleave", (event) => {
      if ((event as PointerEvent).pointerType === "mouse") this.rest();
    });
    this.wake();
  }

  wake(): void {
    clearTimeout(this.timer);
    delete this.player.dataset["idle"];
    this.timer = window.setTimeout(() => this.rest(), IDLE_MS);
  }

  private rest(): void {
    // A keyboard's focus must not be on something invisible.
    if (this.player.querySelector(".bar :focus-visible")) return;
    this.player.dataset["idle"] = "";
  }
}
