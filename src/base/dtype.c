#include "dtype.h"

#include <string.h>

#include <glib.h>

#ifdef __F16C__
# include <immintrin.h>
#endif

static const struct {
  const char *name;
  size_t      size;
} dtypes[] = {
  [CS_DTYPE_F64] = { "F64", 8 },
  [CS_DTYPE_F32] = { "F32", 4 },
  [CS_DTYPE_F16] = { "F16", 2 },
  [CS_DTYPE_BF16] = { "BF16", 2 },
  [CS_DTYPE_I64] = { "I64", 8 },
  [CS_DTYPE_I32] = { "I32", 4 },
  [CS_DTYPE_I16] = { "I16", 2 },
  [CS_DTYPE_I8] = { "I8", 1 },
  [CS_DTYPE_U64] = { "U64", 8 },
  [CS_DTYPE_U32] = { "U32", 4 },
  [CS_DTYPE_U16] = { "U16", 2 },
  [CS_DTYPE_U8] = { "U8", 1 },
  [CS_DTYPE_BOOL] = { "BOOL", 1 },
  [CS_DTYPE_F8_E4M3] = { "F8_E4M3", 1 },
  [CS_DTYPE_F8_E5M2] = { "F8_E5M2", 1 },
};

size_t
cs_dtype_size (CsDtype dtype)
{
  g_assert ((size_t) dtype < G_N_ELEMENTS (dtypes));
  return dtypes[dtype].size;
}

const char *
cs_dtype_name (CsDtype dtype)
{
  g_assert ((size_t) dtype < G_N_ELEMENTS (dtypes));
  return dtypes[dtype].name;
}

bool
cs_dtype_parse (const char *name, CsDtype *dtype)
{
  for (size_t i = 0; i < G_N_ELEMENTS (dtypes); i++)
    if (strcmp (name, dtypes[i].name) == 0)
      {
        *dtype = (CsDtype) i;
        return true;
      }
  return false;
}

static inline uint32_t
float_bits (float value)
{
  uint32_t bits;

  memcpy (&bits, &value, sizeof bits);
  return bits;
}

static inline float
bits_float (uint32_t bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* The magnitude's bits moved to float32's place are the value times 2^-112, subnormals included:
 * one exact product puts the exponent right. Infinity and NaN get float32's exponent. */
static inline float
half_to_float (uint16_t half)
{
  uint32_t magnitude = (uint32_t) (half & 0x7fff) << 13;
  uint32_t sign = (uint32_t) (half & 0x8000) << 16;
  uint32_t special = magnitude >= UINT32_C (0x7c00) << 13 ? UINT32_C (0x7f800000) : 0;

  return bits_float (float_bits (bits_float (magnitude) * 0x1p112f) | special | sign);
}

static inline uint16_t
float_to_half (float value)
{
  uint32_t bits = float_bits (value);
  uint32_t sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & UINT32_C (0x7fffffff);

  if (magnitude > UINT32_C (0x7f800000)) /* NaN: quiet, with the payload's upper bits */
    return (uint16_t) (sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
  if (magnitude >= UINT32_C (0x477ff000)) /* from 65520, halfway from the largest half to 65536 */
    return (uint16_t) (sign | 0x7c00);
  if (magnitude < UINT32_C (0x38800000)) /* below 2^-14: adding 1/2 rounds to multiples of 2^-24 */
    return (uint16_t) (sign | (float_bits (bits_float (magnitude) + 0.5f) - float_bits (0.5f)));
  magnitude += 0xfff + (magnitude >> 13 & 1);
  return (uint16_t) (sign | ((magnitude - (UINT32_C (112) << 23)) >> 13));
}

static inline float
bfloat_to_float (uint16_t bfloat)
{
  return bits_float ((uint32_t) bfloat << 16);
}

static inline uint16_t
float_to_bfloat (float value)
{
  uint32_t bits = float_bits (value);
  uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  uint32_t quiet_nan = bits >> 16 | 0x40;

  return (uint16_t) ((bits & UINT32_C (0x7fffffff)) > UINT32_C (0x7f800000) ? quiet_nan : rounded);
}

float
cs_half_to_float (uint16_t half)
{
  return half_to_float (half);
}

uint16_t
cs_float_to_half (float value)
{
  return float_to_half (value);
}

float
cs_bfloat_to_float (uint16_t bfloat)
{
  return bfloat_to_float (bfloat);
}

uint16_t
cs_float_to_bfloat (float value)
{
  return float_to_bfloat (value);
}

/* Elements are moved with memcpy: a tensor may lie at any address of its file. */
static void
widen_half (const unsigned char *src, float *dst, size_t n)
{
  size_t i = 0;

#ifdef __F16C__
  for (; i + 8 <= n; i += 8)
    {
      __m128i halves;

      memcpy (&halves, src + 2 * i, sizeof halves);
      _mm256_storeu_ps (dst + i, _mm256_cvtph_ps (halves));
    }
#endif
  for (; i < n; i++)
    {
      uint16_t half;

      memcpy (&half, src + 2 * i, sizeof half);
      dst[i] = half_to_float (half);
    }
}

static void
narrow_half (const float *src, unsigned char *dst, size_t n)
{
  size_t i = 0;

#ifdef __F16C__
  for (; i + 8 <= n; i += 8)
    {
      __m128i halves = _mm256_cvtps_ph (_mm256_loadu_ps (src + i), _MM_FROUND_TO_NEAREST_INT);

      memcpy (dst + 2 * i, &halves, sizeof halves);
    }
#endif
  for (; i < n; i++)
    {
      uint16_t half = float_to_half (src[i]);

      memcpy (dst + 2 * i, &half, sizeof half);
    }
}

static void
widen_bfloat (const unsigned char *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      uint16_t bfloat;

      memcpy (&bfloat, src + 2 * i, sizeof bfloat);
      dst[i] = bfloat_to_float (bfloat);
    }
}

static void
narrow_bfloat (const float *src, unsigned char *dst, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      uint16_t bfloat = float_to_bfloat (src[i]);

      memcpy (dst + 2 * i, &bfloat, sizeof bfloat);
    }
}

bool
cs_widen (CsDtype dtype, const void *src, float *dst, size_t n)
{
  if (n == 0)
    return dtype == CS_DTYPE_F32 || dtype == CS_DTYPE_F16 || dtype == CS_DTYPE_BF16;
  switch (dtype)
    {
    case CS_DTYPE_F32:
      memcpy (dst, src, n * sizeof *dst);
      return true;
    case CS_DTYPE_F16:
      widen_half (src, dst, n);
      return true;
    case CS_DTYPE_BF16:
      widen_bfloat (src, dst, n);
      return true;
    default:
      return false;
    }
}

bool
cs_narrow (CsDtype dtype, const float *src, void *dst, size_t n)
{
  if (n == 0)
    return dtype == CS_DTYPE_F32 || dtype == CS_DTYPE_F16 || dtype == CS_DTYPE_BF16;
  switch (dtype)
    {
    case CS_DTYPE_F32:
      memcpy (dst, src, n * sizeof *src);
      return true;
    case CS_DTYPE_F16:
      narrow_half (src, dst, n);
      return true;
    case CS_DTYPE_BF16:
      narrow_bfloat (src, dst, n);
      return true;
    default:
      return false;
    }
}
