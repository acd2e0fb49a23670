/* Element types of files, and widening to float32. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  CS_DTYPE_F64, CS_DTYPE_F32, CS_DTYPE_F16, CS_DTYPE_BF16,
  CS_DTYPE_I64, CS_DTYPE_I32, CS_DTYPE_I16, CS_DTYPE_I8,
  CS_DTYPE_U64, CS_DTYPE_U32, CS_DTYPE_U16, CS_DTYPE_U8, CS_DTYPE_BOOL,
  CS_DTYPE_F8_E4M3, CS_DTYPE_F8_E5M2, /* known so that they can be refused by name */
} CsDtype;

size_t      cs_dtype_size (CsDtype dtype);
const char *cs_dtype_name (CsDtype dtype);                   /* safetensors spelling: "F32", "BF16" … */
bool        cs_dtype_parse (const char *name, CsDtype *dtype);

float    cs_half_to_float (uint16_t half);                   /* IEEE binary16, subnormals included */
uint16_t cs_float_to_half (float value);                     /* round to nearest even; overflow to infinity */
float    cs_bfloat_to_float (uint16_t bfloat);
uint16_t cs_float_to_bfloat (float value);                   /* round to nearest even; NaN stays NaN */

/* n elements of F32, F16 or BF16 at src (any alignment) to float32; false for another dtype. */
bool cs_widen (CsDtype dtype, const void *src, float *dst, size_t n);
/* n float32 to F32, F16 or BF16 at dst. */
bool cs_narrow (CsDtype dtype, const float *src, void *dst, size_t n);
