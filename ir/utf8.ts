// Text as bytes and back.

export const utf8Encoder = /* @__PURE__ */ new TextEncoder();
/** What is no UTF-8 becomes U+FFFD. */
export const utf8Decoder = /* @__PURE__ */ new TextDecoder();
