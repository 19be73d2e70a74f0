/** One SASL mechanism's client side. */
export interface SaslMechanism {
  readonly name: string;
  /** Whether it sends the password itself to the peer. */
  readonly revealsPassword: boolean;
  /** The client's first message. */
  first(): Uint8Array;
  /**
   * The response to the server's message; undefined when there is none to send.
   * @throws AuthError when the server's message is invalid or fails to prove the server's identity.
   */
  answer(challenge: Uint8Array): Promise<Uint8Array | undefined>;
  /** True once nothing more is expected, the server's own proof included. */
  readonly done: boolean;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}
