/** One stream: what both sides may still send, and what is known of its message. */

/** The number of a stream the connection has none of. */
export const NO_LENGTH = -1;

/** Made when a head arrives or is about to be sent; dead once both sides have ended or one has reset. Not reused. */
export class Http2Stream<T> {
  readonly id: number;
  /** METHOD of the request. */
  method: number;
  /** It stands for a WebSocket (RFC 8441). */
  isWebsocket = false;
  /** What its owner keeps with it. */
  owner: T | undefined = undefined;
  /** Bytes that may still be sent on this stream; negative after a setting made windows smaller. */
  sendWindow: number;
  /** Bytes that the peer may still send. */
  receiveWindow: number;
  /** The receive window, as it is when nothing is held. */
  windowBytes: number;
  /** Bytes that arrived and that the owner has not passed on yet. */
  heldBytes = 0;
  /** Bytes passed on for which the peer has no new window yet. */
  creditBytes = 0;
  /** Bytes of content still to come by Content-Length; NO_LENGTH where it does not say. */
  bodyLeft: number = NO_LENGTH;
  /** A final head was received. */
  hasHead = false;
  /** A final head was sent. */
  hasSentHead = false;
  interimAnswers = 0;
  isLocalEnd = false;
  isRemoteEnd = false;
  /** Sending stopped for want of a window. */
  isBlocked = false;
  /** No longer part of the connection. */
  isDead = false;

  constructor(id: number, method: number, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.method = method;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.windowBytes = receiveWindow;
  }
}
