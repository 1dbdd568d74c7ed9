// Models whose subgraphs read values from around them, from one level up and from two.

export const capturing = {
  If: `agraph (float[2] x, bool c, bool d) => (float[2] z) {
    a = Neg (x)
    b = Abs (x)
    r = If <
      then_branch = taken () => (float[2] t) {
        u = Add (a, a)
        t = If <
          then_branch = inner () => (float[2] v) { v = Mul (b, u) },
          else_branch = other () => (float[2] w) { w = Sub (b, a) }
        > (d)
      },
      else_branch = left () => (float[2] e) { e = Identity (b) }
    > (c)
    z = Sqrt (r)
  }`,
  Loop: `agraph (float[2] x, bool c, bool d) => (float[2] z) {
    a = Neg (x)
    b = Abs (x)
    n = Constant <value_int = 3> ()
    r = Loop <
      body = step (int64 i, bool go, float[2] sum) => (bool on, float[2] next) {
        on = Identity (go)
        more = If <
          then_branch = inner () => (float[2] v) { v = Add (b, b) },
          else_branch = other () => (float[2] w) { w = Identity (a) }
        > (d)
        next = Add (sum, more)
      }
    > (n, c, a)
    z = Sqrt (r)
  }`,
  Scan: `agraph (float[2] x, bool c, bool d) => (float[2] z) {
    a = Neg (x)
    b = Abs (x)
    zero = Constant <value_float = 0.0> ()
    last, r = Scan <
      body = row (float sum, float one) => (float next, float out) {
        more = If <
          then_branch = inner () => (float v) { v = ReduceSum <keepdims = 0> (b) },
          else_branch = other () => (float w) { w = Identity (one) }
        > (d)
        next = Add (sum, more)
        k = Cast <to = 1> (c)
        out = Mul (next, k)
      },
      num_scan_inputs = 1
    > (zero, a)
    z = Exp (r)
  }`,
} as const;
