/* Tangled from chapters/02-tape.nw: edit that, not this. */
#include "tensor/params.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

// How values begin
Init init_constant(double value) {
  return (Init){.kind = INIT_CONSTANT, .amount = value};
}
Init init_normal(double std) { return (Init){.kind = INIT_NORMAL, .amount = std}; }
Init init_values(const double *values) {
  return (Init){.kind = INIT_VALUES, .values = values};
}
Init init_truncated(double std) { return (Init){.kind = INIT_TRUNCATED, .amount = std}; }
Init init_xavier(int fan_in, int fan_out) {
  return (Init){.kind = INIT_UNIFORM, .amount = sqrt(6.0 / (fan_in + fan_out))};
}

// Declare a parameter
Params *params_new(void) {
  Params *params = allocate(1, sizeof *params);
  params->arena = arena_new();
  return params;
}

void params_free(Params *params) {
  free(params->value), free(params->grad), free(params->list);
  arena_free(params->arena), free(params);
}

// Add a row to the table
Tensor *params_add(Params *params, const char *name, Shape shape, Init init,
                   ParamKind kind) {
  assert(!params->value && !params_find(params, name));
  if (params->count == params->capacity) {
    params->capacity = 2 * params->capacity + 64;
    params->list =
        reallocate(params->list, (size_t)params->capacity * sizeof *params->list);
  }
  Tensor *tensor = arena_get(params->arena, sizeof *tensor);
  *tensor = (Tensor){.name = params_name(params, "%s", name), .shape = shape,
                     .requires_grad = kind != PARAM_FIXED};
  params->list[params->count++] = (Parameter){tensor, kind, init, params->size, 1};
  params->size += (tensor_size(tensor) + 15) / 16 * 16;
  return tensor;
}

// Names, weights and biases
// Make names, weights and biases
const char *params_name(Params *params, const char *format, ...) {
  char name[256];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(name, sizeof name, format, arguments);
  va_end(arguments);
  assert(length >= 0 && length < (int)sizeof name);
  return strcpy(arena_get(params->arena, (size_t)length + 1), name);
}

static Affine add_affine(Params *params, const char *prefix, const char *name,
                         Shape shape, Init weight, ParamKind kind, Init bias) {
  const size_t n = strlen(prefix);
  const char *point = n && prefix[n - 1] != '.' ? "." : "";
  const char *both = params_name(params, "%s%s%s", prefix, point, name);
  return (Affine){
      params_add(params, params_name(params, "%s.weight", both), shape, weight, kind),
      params_add(params, params_name(params, "%s.bias", both), SHAPE(shape.size[0]),
                 bias, PARAM_PLAIN)};
}

Affine params_add_linear(Params *params, const char *prefix, const char *name,
                         Shape weight_shape, Init weight, Init bias) {
  return add_affine(params, prefix, name, weight_shape, weight, PARAM_DECAYED, bias);
}

Affine params_add_norm(Params *params, const char *prefix, const char *name, int width) {
  return add_affine(params, prefix, name, SHAPE(width), init_constant(1), PARAM_PLAIN,
                    init_constant(0));
}

// Fill the table
// Draw a truncated normal
static double normal_within_one(RandomKey key, uint64_t i) {
  double x;
  uint64_t attempt = 0;
  do x = random_normal(key, i + (attempt++ << 32));
  while (fabs(x) > 1);
  return x;
}

// Fill one parameter
static void fill(const Parameter *p, uint64_t seed) {
  Tensor *t = p->tensor;
  RandomKey key = random_key(seed, t->name);
  double a = p->init.amount;
  for (size_t i = 0; i < tensor_size(t); i++) switch (p->init.kind) {
    case INIT_CONSTANT: t->value[i] = (real)a; break;
    case INIT_NORMAL: t->value[i] = (real)(a * random_normal(key, i)); break;
    case INIT_UNIFORM:
      t->value[i] = (real)(a * (2 * random_uniform(key, i) - 1));
      break;
    case INIT_VALUES: t->value[i] = (real)p->init.values[i]; break;
    case INIT_TRUNCATED: t->value[i] = (real)(a * normal_within_one(key, i)); break;
    }
  if (p->init.value_gain == 0) return;
  for (size_t i = tensor_size(t) / 3 * 2; i < tensor_size(t); i++)
    t->value[i] *= (real)p->init.value_gain;
}

void params_fill(Params *params, uint64_t seed) {
  assert(!params->value);
  params->value = allocate(params->size, sizeof(real));
  params->grad = allocate(params->size, sizeof(real));
  for (int i = 0; i < params->count; i++) {
    Parameter *p = &params->list[i];
    p->tensor->value = params->value + p->offset;
    if (p->kind != PARAM_FIXED) p->tensor->grad = params->grad + p->offset;
    fill(p, seed);
  }
}

// Ask the table
void params_allocate(Params *params) {
  assert(!params->value);
  params->value = allocate_unset(params->size, sizeof(real));
  for (int i = 0; i < params->count; i++)
    params->list[i].tensor->value = params->value + params->list[i].offset;
}

void params_clear_grad(Params *params) {
  memset(params->grad, 0, params->size * sizeof(real));
}

Parameter *params_find(const Params *params, const char *name) {
  for (int i = 0; i < params->count; i++)
    if (strcmp(params->list[i].tensor->name, name) == 0) return &params->list[i];
  return NULL;
}

size_t params_offset(const Params *params, int i) {
  return i < params->count ? params->list[i].offset : params->size;
}

size_t params_count(const Params *params, bool trained_only) {
  size_t count = 0;
  for (int i = 0; i < params->count; i++)
    if (!trained_only || params->list[i].kind != PARAM_FIXED)
      count += tensor_size(params->list[i].tensor);
  return count;
}

static bool has_prefix(const Parameter *p, const char *prefix) {
  return strncmp(p->tensor->name, prefix, strlen(prefix)) == 0;
}

void params_freeze(Params *params, const char *prefix) {
  assert(!params->value);
  for (int i = 0; i < params->count; i++) {
    Parameter *p = &params->list[i];
    if (!has_prefix(p, prefix)) continue;
    p->kind = PARAM_FIXED;
    p->tensor->requires_grad = false;
  }
}

void params_scale_rate(Params *params, const char *prefix, double factor) {
  for (int i = 0; i < params->count; i++)
    if (has_prefix(&params->list[i], prefix)) params->list[i].lr_scale = factor;
}
