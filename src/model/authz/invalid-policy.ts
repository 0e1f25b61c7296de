/**
 * Thrown while a rule is made ready for judging, and caught in `compilePolicy` alone, where the whole policy becomes one
 * that denies. The message says what is wrong with which value; it has no final period.
 */
export class InvalidPolicyError extends Error {
  override readonly name = "InvalidPolicyError";
}
