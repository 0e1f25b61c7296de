import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type SealProblem, seal, unseal } from "../../identity/seal.ts";
import { syncDirectory } from "../state/durable-file.ts";
import { readSealed, writeSealed } from "../state/sealed-json.ts";
import {
  CLOCK_FILE,
  type FileForm,
  ISSUED_FILE,
  ISSUER_FILE,
  PENDING_FILE,
  ROOT_FILE,
  SITE_FILE,
  type StoredSigner,
  type StoredTrust,
  TRUST_COPY_FILE,
  TRUST_FILE,
} from "./identity-files.ts";
import { kekPlace, readKek } from "./kek.ts";

/** What a file holds: told apart, since an absent one is a beginning and a rotten one is trouble. */
export type Stored<Value> =
  | { readonly state: "good"; readonly value: Value }
  | { readonly state: "absent" }
  | { readonly state: "rotten"; readonly reason: string };

/** The identity cannot be read or written; what was there before is untouched. The message is for people. */
export class IdentityStoreError extends Error {
  override readonly name = "IdentityStoreError";
}

/** Which key a sealing is of: a sealed key that was moved to another place does not open. */
export type KeyPlace = "root-key" | "issuer-key" | "pending-key";

/**
 * The folder `identity` of a state directory: every file is replaced whole and carries a checksum, every key in it is sealed.
 * Usable without a keeper; whoever writes has made sure that no keeper runs on the state directory (`lockState`).
 */
export class IdentityStore {
  readonly statePath: string;
  readonly folder: string;
  readonly #env: Readonly<Record<string, string | undefined>>;

  /** Touches nothing on disk. @param env see `kekPlace`. */
  constructor(statePath: string, env: Readonly<Record<string, string | undefined>>) {
    this.statePath = statePath;
    this.folder = join(statePath, "identity");
    this.#env = env;
  }

  /** Whether there is an identity, readable or not. */
  get exists(): boolean {
    return existsSync(join(this.folder, SITE_FILE.name));
  }

  /** Where the key-encryption key comes from, for people. */
  get kekPath(): string {
    return kekPlace(this.statePath, this.#env).path;
  }

  /** Reads one file. Never throws. */
  read<Value>(form: FileForm<Value>): Stored<Value> {
    const sealed = readSealed(join(this.folder, form.name));
    if (sealed.state !== "good") return sealed;
    const value = form.read(sealed.value);
    return value === undefined ? { state: "rotten", reason: "of an unknown shape" } : { state: "good", value };
  }

  /** Replaces one file; it is on disk when this returns. Throws IdentityStoreError. */
  write<Value>(form: FileForm<Value>, value: Value): void {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      writeSealed(join(this.folder, form.name), form.write(value));
    } catch (error) {
      throw new IdentityStoreError(`${join(this.folder, form.name)}: ${messageOf(error)}`);
    }
  }

  /** Removes one file, also where there is none. Throws IdentityStoreError. */
  remove(form: Pick<FileForm<unknown>, "name">): void {
    try {
      rmSync(join(this.folder, form.name), { force: true });
      if (existsSync(this.folder)) syncDirectory(this.folder);
    } catch (error) {
      throw new IdentityStoreError(`${join(this.folder, form.name)}: ${messageOf(error)}`);
    }
  }

  /** Bundle and bans: the better of both copies. */
  readTrust(): Stored<StoredTrust> {
    const first = this.read(TRUST_FILE);
    return first.state === "good" ? first : readOr(this.read(TRUST_COPY_FILE), first);
  }

  /** Throws IdentityStoreError. */
  writeTrust(trust: StoredTrust): void {
    this.write(TRUST_FILE, trust);
    this.write(TRUST_COPY_FILE, trust);
  }

  /**
   * Seals a key (PKCS #8), which stays the caller's to wipe. Makes the key-encryption key where nothing is sealed yet.
   * Throws IdentityStoreError.
   */
  sealKey(place: KeyPlace, key: Uint8Array): Uint8Array {
    const kek = this.#kek(!this.#hasSealed());
    try {
      return seal(kek, this.#context(place), key);
    } finally {
      kek.fill(0);
    }
  }

  /** Opens a sealed key, which the caller wipes after use. Throws IdentityStoreError that says why it does not open. */
  openKey(place: KeyPlace, sealedKey: Uint8Array): Uint8Array {
    const kek = this.#kek(false);
    try {
      const key = unseal(kek, this.#context(place), sealedKey);
      if (typeof key === "string") {
        throw new IdentityStoreError(`the ${place} does not open: ${UNSEAL_TEXT[key]} (tried: ${this.kekPath})`);
      }
      return key;
    } finally {
      kek.fill(0);
    }
  }

  /** A signer with its key sealed, for `write`. Wipes the key. Throws IdentityStoreError. */
  sealSigner(place: KeyPlace, signer: { readonly certificate: Uint8Array; readonly key: Uint8Array }): StoredSigner {
    try {
      return { certificate: signer.certificate, sealedKey: this.sealKey(place, signer.key) };
    } finally {
      signer.key.fill(0);
    }
  }

  /** Calls with the signer's key open, and wipes it. Throws IdentityStoreError where it does not open. */
  async withSigner<Result>(
    place: KeyPlace,
    { certificate, sealedKey }: StoredSigner,
    use: (signer: { readonly certificate: Uint8Array; readonly key: Uint8Array }) => Promise<Result>,
  ): Promise<Result> {
    const key = this.openKey(place, sealedKey);
    try {
      return await use({ certificate, key });
    } finally {
      key.fill(0);
    }
  }

  /** Puts the whole identity aside under another name, which it answers; nothing is deleted. Throws IdentityStoreError. */
  setAside(): string {
    for (let number = 1; ; number++) {
      const aside = `${this.folder}.aside-${number}`;
      if (existsSync(aside)) continue;
      try {
        renameSync(this.folder, aside);
        syncDirectory(this.statePath);
        return aside;
      } catch (error) {
        throw new IdentityStoreError(`${this.folder} cannot be put aside: ${messageOf(error)}`);
      }
    }
  }

  #hasSealed(): boolean {
    return [ROOT_FILE, ISSUER_FILE, PENDING_FILE].some((form) => existsSync(join(this.folder, form.name)));
  }

  #kek(mayMake: boolean): Uint8Array {
    const kek = readKek(kekPlace(this.statePath, this.#env), mayMake);
    if ("problem" in kek) throw new IdentityStoreError(kek.problem);
    return kek;
  }

  #context(what: KeyPlace) {
    return { what, node: "", generation: 1 } as const;
  }
}

const UNSEAL_TEXT: Readonly<Record<SealProblem, string>> = {
  torn: "it is torn",
  version: "a later version sealed it",
  context: "it was sealed for another place",
  rotten: "it is rotten, or sealed with another key-encryption key",
};

/** Names of the files, for whoever lists them. */
export const IDENTITY_FILES: readonly string[] = [
  SITE_FILE,
  ROOT_FILE,
  ISSUER_FILE,
  PENDING_FILE,
  ISSUED_FILE,
  TRUST_FILE,
  TRUST_COPY_FILE,
  CLOCK_FILE,
].map(({ name }) => name);

function readOr<Value>(second: Stored<Value>, first: Stored<Value>): Stored<Value> {
  return second.state === "good" ? second : first;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
