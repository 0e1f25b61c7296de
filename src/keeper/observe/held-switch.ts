/** On while anybody holds it. */
export class HeldSwitch {
  readonly #onChange: (isOn: boolean) => void;
  #holders = 0;

  /** `onChange` is called when the first one takes hold and when the last one lets go. */
  constructor(onChange: (isOn: boolean) => void) {
    this.#onChange = onChange;
  }

  get isOn(): boolean {
    return this.#holders > 0;
  }

  /** Answers the function that lets go; calling it again does nothing. */
  hold(): () => void {
    if (this.#holders++ === 0) this.#onChange(true);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      if (--this.#holders === 0) this.#onChange(false);
    };
  }
}
