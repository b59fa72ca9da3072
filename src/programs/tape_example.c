/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/options.h"
#include "tensor/arithmetic.h"
#include "tensor/params.h"

static void show(const char *name, const Tensor *t) {
  printf("%s\t%g\nd%s\t%g\n", name, (double)t->value[0], name, (double)t->grad[0]);
}

int main(void) {
  program_begin("tape-example");
  Params *params = params_new();
  Shape one = SHAPE(1);
  Tensor *w = params_add(params, "w", one, init_constant(2), PARAM_PLAIN);
  Tensor *x = params_add(params, "x", one, init_constant(3), PARAM_PLAIN);
  Tensor *b = params_add(params, "b", one, init_constant(-5), PARAM_PLAIN);
  params_fill(params, 0);
  Tape *tape = tape_new();
  Tensor *u = mul(tape, w, x);
  Tensor *v = add(tape, u, b);
  Tensor *L = mul(tape, v, v);
  tape_backward(tape, L);
  show("w", w), show("x", x), show("b", b);
  show("u", u), show("v", v), show("L", L);
  tape_free(tape), params_free(params);
  return 0;
}
