/** What `Connection.next` tells, one thing at a time. What belongs to it stands in fields of the connection until the next call. */
export const EVENT = {
  /** Nothing more until more bytes are fed. */
  NONE: 0,
  /** `stream`, `request` or `response`, `isEnd`: a head was read; interim answers too. */
  HEAD: 1,
  /** `stream`, `data[dataStart, dataEnd)`, `isEnd`: content, possibly none at the end. `credit` it when it was passed on. */
  DATA: 2,
  /** `stream`, `fields.bytes[0, fields.length)`: the message ends with these lines. */
  TRAILERS: 3,
  /** `stream` (dead), `errorCode`, `isLocal`: it is over before its end, reset by the peer or by us for what the peer sent; `refusal` says why where a message was malformed. */
  RESET: 4,
  /** `streamId`, `refusal`: a request that was not let in, and was answered or reset already. */
  REFUSED: 5,
  /** `stream`, or `undefined` for all: what was blocked may send again. */
  WRITABLE: 6,
  /** The peer's settings were taken over; the first time, the connection is up. Windows may have grown: what was blocked may try again. */
  SETTINGS: 7,
  /** `lastStreamId`, `errorCode`: the peer takes no new streams. Streams above it follow as RESET with REFUSED_STREAM, safe to retry. */
  GOAWAY: 8,
  /** `pongHigh`, `pongLow`: the answer to a ping of ours. */
  PONG: 9,
  /** `errorCode`, `reason`: the connection is over; flush the output and close. */
  ERROR: 10,
} as const;
