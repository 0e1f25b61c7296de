import { IdentityStore } from "../../src/keeper/identity/identity-store.ts";

/** The power went off: whoever catches it finds every later writing fail alike. */
export class PowerOff extends Error {}

/** A store whose machine is dead after `left` more writings. */
export class DyingStore extends IdentityStore {
  left: number;
  isDead = false;

  constructor(statePath: string, left: number) {
    super(statePath, {});
    this.left = left;
  }

  override write(...given: Parameters<IdentityStore["write"]>): void {
    this.#die();
    super.write(...given);
  }

  override remove(...given: Parameters<IdentityStore["remove"]>): void {
    this.#die();
    super.remove(...given);
  }

  override setAside(): string {
    this.#die();
    return super.setAside();
  }

  #die(): void {
    if (this.left-- > 0) return;
    this.isDead = true;
    throw new PowerOff();
  }
}
