/** Bounds of header compression. Each has its reason; nothing else in this folder decides how much is too much. */

/**
 * Largest integer that is read (RFC 7541 5.1): 28 bits, a prefix and four more bytes. Reason: no length, index or size in
 * use comes near, and a fifth byte is where 32-bit arithmetic goes wrong. A longer or zero-padded form is an error.
 */
export const INTEGER_MAX = 0x0fffffff;

/** Default size of a dynamic table. Reason: what every peer assumes before settings arrive (RFC 9113 6.5.2). */
export const TABLE_BYTES_DEFAULT = 4096;

/** Largest dynamic table that is ever kept, whatever a peer offers. Reason: twice this much is memory held per connection. */
export const TABLE_BYTES_MAX = 64 * 1024;

/** Bytes that an entry counts beside its name and value (RFC 7541 4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;

/** Most bytes of one header block, all its frames together. Reason: one and a half times the list that is accepted. */
export const HEADER_BLOCK_BYTES_MAX = 48 * 1024;

/** Longest code of one byte in Huffman form is 30 bits, shortest 5: a block grows to at most 8/5 when decoded. */
export const HUFFMAN_GROWTH_MAX = 8 / 5;

/** Most fields of a block, cookie crumbs and pseudo-header fields included. Reason: twice the lines of an HTTP/1.1 head. */
export const FIELDS_MAX = 256;

/** Most size updates at the start of a block. Reason: RFC 7541 4.2 needs two, the lowest size and the last. */
export const SIZE_UPDATES_MAX = 2;

/**
 * A block may refer to entries of the dynamic table for at most this many times the table's own size. Reason: an honest
 * list refers to an entry once, so it stays within one; many references to one large entry are how a few bytes become many.
 */
export const REFERENCE_FACTOR_MAX = 2;

/** Runs of indexed fields that a decoder remembers. Reason: a connection has few shapes of head. */
export const DECODER_MEMOS_MAX = 32;

/** Longest run, in fields, and largest text of one, in bytes, that is remembered. Reason: bounds a decoder at 48 KiB of memos. */
export const MEMO_FIELDS_MAX = 32;
export const MEMO_BYTES_MAX = 1024;

/** Shortest run worth remembering. Reason: finding the memo costs about as much as two fields. */
export const MEMO_FIELDS_MIN = 3;

/** Entries looked at in one chain of the encoder's index. Reason: whoever chooses lines can make hashes collide. */
export const CHAIN_STEPS_MAX = 16;

/** Head shapes that an encoder remembers. Reason: services behind one tunnel times kinds of client. */
export const TEMPLATES_MAX = 64;

/** Lines and bytes of a head that can become a template. Reason: longer ones are rare, and each costs its bytes once. */
export const TEMPLATE_LINES_MAX = 48;
export const TEMPLATE_BYTES_MAX = 2048;

/**
 * A literal that enters the table is written in Huffman form when that saves at least one byte in this many. Reason: packing and
 * unpacking costs 5 ns a byte, a plain byte next to nothing. What is written out with every head, and credentials, are never packed.
 */
export const HUFFMAN_SAVING_SHARE = 4;

/** No entry may take more than one part in this many of the table. Reason: a large one would push out all that repeat. */
export const ENTRY_SHARE_MAX = 2;

/** Longest name that an encoder remembers. Reason: real names are shorter. */
export const NAME_BYTES_MAX = 48;

/** It remembers as many names as entries of this many bytes fit its table: 64 with 4 KiB. Reason: heads of a connection have a few dozen. */
export const BYTES_PER_NAME = 64;

/** Request lines that an encoder remembers, and the longest with its Host. Reason: hot paths are few; others are not worth it. */
export const PROLOGUES_MAX = 64;
export const PROLOGUE_BYTES_MAX = 512;

/** Methods with their Host that an encoder remembers, for targets that do not come back. Reason: a few for each service behind a tunnel. */
export const PROLOGUE_SHAPES_MAX = 16;
