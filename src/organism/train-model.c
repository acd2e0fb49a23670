#include "train-model.h"

#include <math.h>
#include <string.h>

#include "blas.h"
#include "random.h"
#include "train-ops.h"

#define HEAD_ROWS 256 /* rows of logits at a time: they stay in the cache */
#define PARAMETERS_A_BLOCK 9
#define INIT_STREAM 1
#define EMBEDDING_STD 0.1
#define PREVIOUS_TOKEN_SHARPNESS 5.0

/* Offsets of one block's parameters. */
typedef struct
{
  size_t norm1, qkv, o, norm2, gate_up, down;
} Block;

typedef struct
{
  float *x;                        /* [T, d] residual stream entering the block */
  float *mid;                      /* [T, d] after attention */
  float *norm1, *norm2, *attended; /* [T, d] */
  float *rstd1, *rstd2;            /* [T] */
  float *qkv;                      /* [T, 3d] rotated */
  float *p;       /* attention probabilities, n² floats a head and document of n tokens */
  float *gate_up; /* [T, 2F] */
  float *h;       /* [T, F] */
} BlockScratch;

struct CsTrainScratch
{
  size_t max_tokens, n_layers;
  float *arena;
  float *cos_sin; /* [max_position, e/2, 2] */
  BlockScratch *blocks;
  float *final;     /* [T, d] residual after the last block */
  float *normed;    /* [T, d] */
  float *rstd;      /* [T] */
  float *logits;    /* [HEAD_ROWS, V] */
  float *dx, *dn;   /* [T, d] */
  float *dwide;     /* [T, max(3d, 2F)] */
  float *dh;        /* [T, F] */
  float *attention; /* (e + 1) · max_position */
};

static void
add_parameter (CsTrainModel *model, char *name, size_t n_dims, size_t rows, size_t columns)
{
  CsTrainParameter *parameter = &model->parameters[model->n_parameters++];
  parameter->name = name;
  parameter->n_dims = n_dims;
  parameter->shape[0] = rows;
  parameter->shape[1] = n_dims == 2 ? columns : 0;
  parameter->n = n_dims == 2 ? rows * columns : rows;
  parameter->offset = model->n_weights;
  model->n_weights += parameter->n;
}

static void
add_block (CsTrainModel *model, size_t layer)
{
  size_t d = model->config.d_model, f = model->config.d_ff;
  const struct
  {
    const char *name;
    size_t rows, columns;
  } table[PARAMETERS_A_BLOCK] = {
    { "input_layernorm", d, 0 },  { "self_attn.q_proj", d, d },
    { "self_attn.k_proj", d, d }, { "self_attn.v_proj", d, d },
    { "self_attn.o_proj", d, d }, { "post_attention_layernorm", d, 0 },
    { "mlp.gate_proj", f, d },    { "mlp.up_proj", f, d },
    { "mlp.down_proj", d, f },
  };
  for (size_t i = 0; i < PARAMETERS_A_BLOCK; i++)
    add_parameter (model, g_strdup_printf ("model.layers.%zu.%s.weight", layer, table[i].name),
                   table[i].columns ? 2 : 1, table[i].rows, table[i].columns);
}

static Block
block_offsets (const CsTrainModel *model, size_t layer)
{
  const CsTrainParameter *p = model->parameters + 1 + layer * PARAMETERS_A_BLOCK;
  return (Block){ .norm1 = p[0].offset,
                  .qkv = p[1].offset,
                  .o = p[4].offset,
                  .norm2 = p[5].offset,
                  .gate_up = p[6].offset,
                  .down = p[8].offset };
}

/* Makes the first head of the first block attend to the token before, which copying from the text
 * needs (Olsson et al. 2022) and which otherwise takes more tokens to arise than a small corpus
 * has. Dimension 0 of every embedding is made the same, a constant that the norm passes on as about
 * `gain`; the head's queries and keys get fixed vectors from it whose product, once rotated by
 * RoPE, is Σ cos (f_i (distance − 1)). */
static void
init_previous_token_head (CsTrainModel *model)
{
  const CsTrainModelConfig *c = &model->config;
  size_t d = c->d_model, e = d / c->n_heads;
  float *embedding = model->weights, *q = NULL, *k = NULL;
  double constant = 5 * EMBEDDING_STD;
  double gain = constant / sqrt (EMBEDDING_STD * EMBEDDING_STD + constant * constant / (double)d);
  for (size_t i = 0; i < c->vocab_size; i++)
    embedding[i * d] = (float)constant;
  q = model->weights + block_offsets (model, 0).qkv;
  k = q + d * d;
  for (size_t i = 0; i < e * d; i++)
    {
      q[i] *= 0.1f; /* what depends on the token itself must not outweigh the distance */
      k[i] *= 0.1f;
    }
  for (size_t i = 0; i < e / 4; i++)
    {
      double f = pow (c->rope_theta, -2.0 * (double)i / (double)e);
      q[i * d] = (float)(PREVIOUS_TOKEN_SHARPNESS * cos (f) / gain);
      q[(i + e / 2) * d] = (float)(-PREVIOUS_TOKEN_SHARPNESS * sin (f) / gain);
      k[i * d] = (float)(PREVIOUS_TOKEN_SHARPNESS / gain);
      k[(i + e / 2) * d] = 0;
    }
}

static void
init_weights (CsTrainModel *model, uint64_t seed)
{
  CsRandom random;
  cs_random_init (&random, seed, INIT_STREAM);
  for (size_t i = 0; i < model->n_parameters; i++)
    {
      const CsTrainParameter *parameter = &model->parameters[i];
      float *w = model->weights + parameter->offset;
      double std = i == 0 ? EMBEDDING_STD : 1.0 / sqrt ((double)MAX (parameter->shape[1], 1));
      if (strstr (parameter->name, "o_proj") || strstr (parameter->name, "down_proj"))
        std = 0;
      for (size_t j = 0; j < parameter->n; j++)
        w[j] = parameter->n_dims == 1 ? 1.0f : (float)(std * cs_random_normal (&random));
    }
  init_previous_token_head (model);
}

static CsTrainModel *
model_with_table (const CsTrainModelConfig *config)
{
  g_assert (config->n_heads > 0 && config->d_model % (2 * config->n_heads) == 0);
  g_assert (config->vocab_size > 0 && config->n_layers > 0 && config->d_ff > 0 &&
            config->max_position > 0);
  CsTrainModel *model = g_new0 (CsTrainModel, 1);
  model->config = *config;
  model->parameters = g_new0 (CsTrainParameter, 2 + PARAMETERS_A_BLOCK * config->n_layers);
  add_parameter (model, g_strdup ("model.embed_tokens.weight"), 2, config->vocab_size,
                 config->d_model);
  for (size_t l = 0; l < config->n_layers; l++)
    add_block (model, l);
  add_parameter (model, g_strdup ("model.norm.weight"), 1, config->d_model, 0);
  model->weights = g_new (float, model->n_weights);
  return model;
}

CsTrainModel *
cs_train_model_new (const CsTrainModelConfig *config, uint64_t seed)
{
  CsTrainModel *model = model_with_table (config);
  init_weights (model, seed);
  return model;
}

CsTrainModel *
cs_train_model_copy (const CsTrainModel *model)
{
  CsTrainModel *copy = model_with_table (&model->config);
  memcpy (copy->weights, model->weights, model->n_weights * sizeof *copy->weights);
  return copy;
}

void
cs_train_model_free (CsTrainModel *model)
{
  if (model == NULL)
    return;
  for (size_t i = 0; i < model->n_parameters; i++)
    g_free (model->parameters[i].name);
  g_free (model->parameters);
  g_free (model->weights);
  g_free (model);
}

static float *
take (float **arena, size_t n)
{
  float *start = *arena;
  *arena += (n + 15) / 16 * 16;
  return start;
}

static void
fill_cos_sin (float *table, const CsTrainModelConfig *config)
{
  size_t e = config->d_model / config->n_heads;
  for (size_t t = 0; t < config->max_position; t++)
    for (size_t i = 0; i < e / 2; i++)
      {
        double angle = (double)t * pow (config->rope_theta, -2.0 * (double)i / (double)e);
        table[t * e + 2 * i] = (float)cos (angle);
        table[t * e + 2 * i + 1] = (float)sin (angle);
      }
}

CsTrainScratch *
cs_train_scratch_new (const CsTrainModelConfig *config, size_t max_tokens)
{
  size_t d = config->d_model, f = config->d_ff, n = max_tokens, l = config->n_layers;
  size_t e = d / config->n_heads, wide = MAX (3 * d, 2 * f);
  /* A document of m tokens takes m² ≤ m · max_position probabilities. */
  size_t probabilities = n * MIN (config->max_position, n) * config->n_heads;
  size_t a_block = 8 * n * d + 2 * n + probabilities + 3 * n * f;
  size_t total = l * a_block + 4 * n * d + n + HEAD_ROWS * config->vocab_size + n * wide + n * f +
                 config->max_position * (2 * e + 1) + 16 * (11 * l + 16);

  CsTrainScratch *scratch = g_new0 (CsTrainScratch, 1);
  scratch->max_tokens = max_tokens;
  scratch->n_layers = l;
  scratch->arena = g_new0 (float, total);
  float *arena = scratch->arena;
  scratch->blocks = g_new0 (BlockScratch, l);
  for (size_t i = 0; i < l; i++)
    scratch->blocks[i] = (BlockScratch){
      .x = take (&arena, n * d),
      .mid = take (&arena, n * d),
      .norm1 = take (&arena, n * d),
      .norm2 = take (&arena, n * d),
      .attended = take (&arena, n * d),
      .rstd1 = take (&arena, n),
      .rstd2 = take (&arena, n),
      .qkv = take (&arena, 3 * n * d),
      .p = take (&arena, probabilities),
      .gate_up = take (&arena, 2 * n * f),
      .h = take (&arena, n * f),
    };
  scratch->final = take (&arena, n * d);
  scratch->normed = take (&arena, n * d);
  scratch->rstd = take (&arena, n);
  scratch->logits = take (&arena, HEAD_ROWS * config->vocab_size);
  scratch->dx = take (&arena, n * d);
  scratch->dn = take (&arena, n * d);
  scratch->dwide = take (&arena, n * wide);
  scratch->dh = take (&arena, n * f);
  scratch->attention = take (&arena, (e + 1) * config->max_position);
  scratch->cos_sin = take (&arena, config->max_position * e);
  g_assert ((size_t)(arena - scratch->arena) <= total);
  fill_cos_sin (scratch->cos_sin, config);
  return scratch;
}

void
cs_train_scratch_free (CsTrainScratch *scratch)
{
  if (scratch == NULL)
    return;
  g_free (scratch->arena);
  g_free (scratch->blocks);
  g_free (scratch);
}

/* y[T, out] = x[T, in] · w[out, in]ᵀ (+ y where add is 1). */
static void
linear (const float *x, const float *w, size_t n, size_t in, size_t out, float add, float *y)
{
  cs_gemm (NULL, false, true, n, out, in, 1.0f, x, in, w, in, add, y, out);
}

/* dx[T, in] = dy[T, out] · w[out, in]; dw += dyᵀ · x. */
static void
linear_backward (const float *x,
                 const float *w,
                 const float *dy,
                 size_t n,
                 size_t in,
                 size_t out,
                 float *dx,
                 float *dw)
{
  cs_gemm (NULL, false, false, n, in, out, 1.0f, dy, out, w, in, 0.0f, dx, in);
  cs_gemm (NULL, true, false, out, in, n, 1.0f, dy, out, x, in, 1.0f, dw, in);
}

static void
attend (const CsTrainModelConfig *config,
        CsTrainScratch *scratch,
        const CsTrainBatch *batch,
        BlockScratch *s)
{
  size_t d = config->d_model, e = d / config->n_heads;
  float *p = s->p;
  for (size_t i = 0; i < batch->n_documents; i++)
    {
      size_t first = batch->starts[i], n = batch->starts[i + 1] - first;
      float *qkv = s->qkv + first * 3 * d;
      cs_rope_rotate (qkv, n, 3 * d, 2 * config->n_heads, e, scratch->cos_sin, false);
      for (size_t h = 0; h < config->n_heads; h++, p += n * n)
        {
          const float *q = qkv + h * e;
          cs_attention_head (q, q + d, q + 2 * d, 3 * d, n, e, p, s->attended + first * d + h * e,
                             d, scratch->attention);
        }
    }
}

/* dattended [T, d] to the gradient of the unrotated qkv [T, 3d]. */
static void
attend_backward (const CsTrainModelConfig *config,
                 CsTrainScratch *scratch,
                 const CsTrainBatch *batch,
                 const BlockScratch *s,
                 const float *dattended,
                 float *dqkv)
{
  size_t d = config->d_model, e = d / config->n_heads;
  const float *p = s->p;
  for (size_t i = 0; i < batch->n_documents; i++)
    {
      size_t first = batch->starts[i], n = batch->starts[i + 1] - first;
      float *dfirst = dqkv + first * 3 * d;
      for (size_t h = 0; h < config->n_heads; h++, p += n * n)
        {
          const float *q = s->qkv + first * 3 * d + h * e;
          float *dq = dfirst + h * e;
          cs_attention_head_backward (q, q + d, q + 2 * d, 3 * d, n, e, p,
                                      dattended + first * d + h * e, d, dq, dq + d, dq + 2 * d,
                                      scratch->attention);
        }
      cs_rope_rotate (dfirst, n, 3 * d, 2 * config->n_heads, e, scratch->cos_sin, true);
    }
}

/* Leaves everything that the backward pass needs in scratch; scratch->normed is ready for the head.
 */
static void
forward (const CsTrainModel *model, CsTrainScratch *scratch, const CsTrainBatch *batch)
{
  const CsTrainModelConfig *config = &model->config;
  const float *w = model->weights;
  size_t n = batch->n_tokens, d = config->d_model, f = config->d_ff;
  g_assert (n <= scratch->max_tokens && batch->starts[batch->n_documents] == n);
  for (size_t t = 0; t < n; t++)
    memcpy (scratch->blocks[0].x + t * d, w + (size_t)batch->ids[t] * d, d * sizeof *w);
  for (size_t l = 0; l < config->n_layers; l++)
    {
      Block at = block_offsets (model, l);
      BlockScratch *s = &scratch->blocks[l];
      float *out = l + 1 < config->n_layers ? scratch->blocks[l + 1].x : scratch->final;
      cs_rms_norm (s->x, w + at.norm1, config->norm_eps, n, d, s->norm1, s->rstd1);
      linear (s->norm1, w + at.qkv, n, d, 3 * d, 0, s->qkv);
      attend (config, scratch, batch, s);
      memcpy (s->mid, s->x, n * d * sizeof *w);
      linear (s->attended, w + at.o, n, d, d, 1, s->mid);
      cs_rms_norm (s->mid, w + at.norm2, config->norm_eps, n, d, s->norm2, s->rstd2);
      linear (s->norm2, w + at.gate_up, n, d, 2 * f, 0, s->gate_up);
      cs_swiglu (s->gate_up, n, f, s->h);
      memcpy (out, s->mid, n * d * sizeof *w);
      linear (s->h, w + at.down, n, f, d, 1, out);
    }
  size_t final_norm = model->parameters[model->n_parameters - 1].offset;
  cs_rms_norm (scratch->final, w + final_norm, config->norm_eps, n, d, scratch->normed,
               scratch->rstd);
}

/* The loss; with gradients, scratch->dn becomes the gradient of scratch->normed. */
static double
head (const CsTrainModel *model,
      CsTrainScratch *scratch,
      const CsTrainBatch *batch,
      float *gradients)
{
  size_t d = model->config.d_model, v = model->config.vocab_size;
  double loss = 0;
  for (size_t t = 0; t < batch->n_tokens; t += HEAD_ROWS)
    {
      size_t n = MIN (HEAD_ROWS, batch->n_tokens - t);
      const float *x = scratch->normed + t * d;
      linear (x, model->weights, n, d, v, 0, scratch->logits);
      loss += cs_cross_entropy (scratch->logits, batch->targets + t, batch->weights + t, n, v);
      if (gradients)
        linear_backward (x, model->weights, scratch->logits, n, d, v, scratch->dn + t * d,
                         gradients);
    }
  return loss;
}

static void
block_backward (const CsTrainModel *model,
                CsTrainScratch *scratch,
                const CsTrainBatch *batch,
                size_t layer,
                float *gradients)
{
  const CsTrainModelConfig *config = &model->config;
  size_t n = batch->n_tokens, d = config->d_model, f = config->d_ff;
  const float *w = model->weights;
  float *g = gradients, *dx = scratch->dx, *dn = scratch->dn, *dwide = scratch->dwide;
  const BlockScratch *s = &scratch->blocks[layer];
  Block at = block_offsets (model, layer);

  linear_backward (s->h, w + at.down, dx, n, f, d, scratch->dh, g + at.down);
  cs_swiglu_backward (s->gate_up, scratch->dh, n, f, dwide);
  linear_backward (s->norm2, w + at.gate_up, dwide, n, d, 2 * f, dn, g + at.gate_up);
  cs_rms_norm_backward (s->mid, w + at.norm2, s->rstd2, dn, n, d, dx, g + at.norm2);

  linear_backward (s->attended, w + at.o, dx, n, d, d, dn, g + at.o);
  attend_backward (config, scratch, batch, s, dn, dwide);
  linear_backward (s->norm1, w + at.qkv, dwide, n, d, 3 * d, dn, g + at.qkv);
  cs_rms_norm_backward (s->x, w + at.norm1, s->rstd1, dn, n, d, dx, g + at.norm1);
}

double
cs_train_model_loss (const CsTrainModel *model,
                     CsTrainScratch *scratch,
                     const CsTrainBatch *batch,
                     float *gradients)
{
  forward (model, scratch, batch);
  double loss = head (model, scratch, batch, gradients);
  if (gradients == NULL)
    return loss;
  size_t n = batch->n_tokens, d = model->config.d_model;
  size_t norm = model->parameters[model->n_parameters - 1].offset;
  memset (scratch->dx, 0, n * d * sizeof (float));
  cs_rms_norm_backward (scratch->final, model->weights + norm, scratch->rstd, scratch->dn, n, d,
                        scratch->dx, gradients + norm);
  for (size_t l = model->config.n_layers; l-- > 0;)
    block_backward (model, scratch, batch, l, gradients);
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < d; i++)
      gradients[(size_t)batch->ids[t] * d + i] += scratch->dx[t * d + i];
  return loss;
}

void
cs_train_model_logits (const CsTrainModel *model,
                       CsTrainScratch *scratch,
                       const CsTrainBatch *batch,
                       float *logits)
{
  forward (model, scratch, batch);
  linear (scratch->normed, model->weights, batch->n_tokens, model->config.d_model,
          model->config.vocab_size, 0, logits);
}
