/** One SASL mechanism's client side. */
export interface SaslMechanism {
  readonly name: string;
  /** Whether it sends the password itself to the peer. */
  readonly revealsPassword: boolean;
  /** The client's first message. */
  first(): Uint8Array;
  /**
   * Answers what the server sent; undefined when there is nothing left to say.
   * @throws AuthError when the server's message is wrong or proves it to be no friend.
   */
  answer(challenge: Uint8Array): Promise<Uint8Array | undefined>;
  /** True once nothing more is expected, the server's own proof included. */
  readonly done: boolean;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}
