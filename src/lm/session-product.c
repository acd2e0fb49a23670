/* y = x Wᵀ + b for weights that are widened already, and for weights that are widened on the way.
 *
 * One row (generation) is a product that reads every weight once: plain dot products, rows cut over
 * the team. More rows go to gemm: at once where W is float32, else in blocks of W's rows that fit
 * in the cache when widened. */
#include "session-private.h"

#include "blas.h"
#include "session-kernels.h"

/* Below this many multiplications, waking the team costs more than it saves. */
#define TEAM_WORK ((size_t)1 << 15)

typedef struct
{
  const CsLinear *linear;
  const CsProductScratch *scratch;
  const float *x;
  float *y;
  size_t ldx, ldy, m;
  bool accumulate;
} Product;

/* The part that holds row `begin`, and where in it; *end is cut to the part's end. */
static const CsPart *
find_part (const CsLinear *linear, size_t begin, size_t *end, size_t *row_in_part)
{
  const CsPart *part = linear->parts;
  size_t start = 0;
  while (begin >= start + part->rows)
    start += part++->rows;
  *end = MIN (*end, start + part->rows);
  *row_in_part = begin - start;
  return part;
}

static const void *
part_row (const CsPart *part, size_t row, size_t cols)
{
  return (const char *)part->stored + row * cols * cs_dtype_size (part->dtype);
}

static bool
is_usable_as_is (CsDtype dtype, const void *data)
{
  return dtype == CS_DTYPE_F32 && G_BYTE_ORDER == G_LITTLE_ENDIAN &&
         (uintptr_t)data % sizeof (float) == 0;
}

/* --- One row --- */

/* Float32 that lies where it cannot be read as such. */
static void
odd_dots (CsDtype dtype, const char *w, size_t n_rows, size_t n, const float *x, float *out)
{
  float piece[1024];
  for (size_t r = 0; r < n_rows; r++)
    {
      out[r] = 0;
      for (size_t i = 0, k; i < n; i += k)
        {
          k = MIN (n - i, G_N_ELEMENTS (piece));
          cs_widen (dtype, w + (r * n + i) * cs_dtype_size (dtype), piece, k);
          out[r] += cs_kernel_dot (piece, x + i, k);
        }
    }
}

static void
stored_dots (const CsLinear *linear, size_t begin, size_t end, const float *x, float *out)
{
  const size_t cols = linear->cols;
  while (begin < end)
    {
      size_t stop = end, row;
      const CsPart *part = find_part (linear, begin, &stop, &row);
      const void *data = part_row (part, row, cols);
      if (part->dtype == CS_DTYPE_BF16)
        cs_kernel_bfloat_dots (data, stop - begin, cols, x, out);
      else if (part->dtype == CS_DTYPE_F16)
        cs_kernel_half_dots (data, stop - begin, cols, x, out);
      else if (is_usable_as_is (part->dtype, data))
        cs_kernel_row_dots (data, stop - begin, cols, x, out);
      else
        odd_dots (part->dtype, data, stop - begin, cols, x, out);
      out += stop - begin;
      begin = stop;
    }
}

static void
single_row (size_t begin, size_t end, unsigned worker, void *data)
{
  const Product *p = data;
  const CsLinear *linear = p->linear;
  float dots[256];
  for (size_t r = begin; r < end; r += G_N_ELEMENTS (dots))
    {
      size_t n = MIN (end - r, G_N_ELEMENTS (dots));
      if (linear->turned != NULL)
        cs_kernel_turned_dots (linear->turned + r, linear->rows, n, linear->cols, p->x, dots);
      else if (linear->wide != NULL)
        cs_kernel_row_dots (linear->wide + r * linear->cols, n, linear->cols, p->x, dots);
      else
        stored_dots (linear, r, r + n, p->x, dots);
      for (size_t i = 0; i < n; i++)
        p->y[r + i] = dots[i] + (linear->bias != NULL ? linear->bias[r + i] : 0) +
                      (p->accumulate ? p->y[r + i] : 0);
    }
}

/* --- Several rows --- */

static void
add_bias (const Product *p, size_t begin, size_t end)
{
  const float *bias = p->linear->bias;
  for (size_t t = 0; bias != NULL && t < p->m; t++)
    for (size_t r = begin; r < end; r++)
      p->y[t * p->ldy + r] += bias[r];
}

/* Y[:, first … first+n−1] += X[:, from … from+k−1] W[rows, from … from+k−1]ᵀ, with W's piece
 * widened at `widened`. */
static void
widened_piece (const Product *p,
               const CsPart *part,
               size_t row,
               size_t first,
               size_t n,
               size_t from,
               size_t k,
               float *widened)
{
  const size_t cols = p->linear->cols, size = cs_dtype_size (part->dtype);
  for (size_t r = 0; r < n; r++)
    cs_widen (part->dtype, (const char *)part->stored + ((row + r) * cols + from) * size,
              widened + r * k, k);
  cs_gemm (NULL, false, true, p->m, n, k, 1, p->x + from, p->ldx, widened, k,
           p->accumulate || from > 0 ? 1 : 0, p->y + first, p->ldy);
}

/* A piece of W is as wide as gemm's own steps through the shared dimension, so that adding to Y
 * once a piece costs nothing more, and as tall as fits: gemm packs X's part anew for each. */
static void
widened_blocks (size_t begin, size_t end, unsigned worker, void *data)
{
  const Product *p = data;
  const size_t cols = p->linear->cols;
  float *widened = p->scratch->widened + worker * p->scratch->widened_size;
  const size_t width = MIN (cols, CS_PIECE_COLS), height = p->scratch->widened_size / width;
  for (size_t r = begin, stop; r < end; r = stop)
    {
      size_t row;
      stop = MIN (r + height, end);
      const CsPart *part = find_part (p->linear, r, &stop, &row);
      if (is_usable_as_is (part->dtype, part_row (part, row, cols)))
        cs_gemm (NULL, false, true, p->m, stop - r, cols, 1, p->x, p->ldx,
                 part_row (part, row, cols), cols, p->accumulate ? 1 : 0, p->y + r, p->ldy);
      else
        for (size_t from = 0; from < cols; from += width)
          widened_piece (p, part, row, r, stop - r, from, MIN (width, cols - from), widened);
    }
  add_bias (p, begin, end);
}

void
cs_linear_apply (const CsLinear *linear,
                 const CsProductScratch *scratch,
                 const float *x,
                 size_t ldx,
                 size_t m,
                 float *y,
                 size_t ldy,
                 bool accumulate)
{
  Product p = { linear, scratch, x, y, ldx, ldy, m, accumulate };
  CsTeam *team = linear->rows * linear->cols * m >= TEAM_WORK ? scratch->team : NULL;
  if (m == 1)
    cs_team_run (team, linear->rows, single_row, &p);
  else if (linear->wide == NULL && linear->turned == NULL)
    cs_team_run (team, linear->rows, widened_blocks, &p);
  else
    {
      bool turned = linear->turned != NULL;
      cs_gemm (team, false, !turned, m, linear->rows, linear->cols, 1, x, ldx,
               turned ? linear->turned : linear->wide, turned ? linear->rows : linear->cols,
               accumulate ? 1 : 0, y, ldy);
      add_bias (&p, 0, linear->rows);
    }
}
