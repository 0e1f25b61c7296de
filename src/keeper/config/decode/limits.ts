/** Bounds of what decoding takes in. All of it runs in a short-lived child, which a time and memory bound ends otherwise. */

/** Largest file. Reason: 10,000 services written out come to about 10 MB. */
export const FILE_BYTES_MAX = 32 * 1024 * 1024;

/** Most bytes of all sources together. Reason: as above, in several files. */
export const SOURCE_BYTES_MAX = 64 * 1024 * 1024;

/** Most files. Reason: one file per document for 10,000 services. */
export const FILES_MAX = 20_000;

/** Deepest folder below a source. Reason: more is a folder that was not meant. */
export const FOLDER_DEPTH_MAX = 32;

/** Most documents. Reason: five for each of 10,000 services, and room. */
export const DOCUMENTS_MAX = 100_000;

/** Deepest nesting of a document. Reason: the deepest field that exists is at 14. */
export const NESTING_DEPTH_MAX = 48;

/** Most scalars, lists and mappings of one file. Reason: the largest file holds no more. */
export const NODES_MAX = 4_000_000;

/** Most parts of one file that aliases may repeat. Reason: enough for shared lists, far too little for a bomb. */
export const ALIAS_NODES_MAX = 20_000;

/** Most syntax errors shown for one document. Reason: all but the first are mostly consequences. */
export const SYNTAX_ERRORS_MAX = 5;
