/** What one header list may be, where it is not what the `FieldList` takes by itself. */
export interface ListBounds {
  /** Size of the list as RFC 9113 6.5.2 counts it. */
  readonly listBytes: number;
  /** Lines, crumbs of a cookie being one. */
  readonly lines: number;
  /** Fields, each crumb and each pseudo-header field being one. */
  readonly fields: number;
}
