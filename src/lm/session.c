/* The forward pass: blocks of tokens through blocks of layers. */
#include "session-private.h"

#include <string.h>

#include "errors.h"
#include "session-kernels.h"
#include "vector.h"

/* --- Position and taps --- */

void
cs_session_reset (CsSession *session)
{
  session->position = 0;
  session->failed = false;
}

void
cs_session_truncate (CsSession *session, size_t position)
{
  session->position = MIN (session->position, position);
}

CsModel *
cs_session_model (const CsSession *session)
{
  return session->model;
}

size_t
cs_session_position (const CsSession *session)
{
  return session->position;
}

size_t
cs_session_capacity (const CsSession *session)
{
  return session->capacity;
}

void
cs_session_set_taps (CsSession *session, const CsTap *taps, size_t n_taps)
{
  g_free (session->taps);
  session->taps = g_new (CsTap, n_taps);
  session->n_taps = n_taps;
  for (size_t i = 0; i < n_taps; i++)
    {
      size_t j = i; /* insertion keeps the given order among equals */
      for (; j > 0 && session->taps[j - 1].at > taps[i].at; j--)
        session->taps[j] = session->taps[j - 1];
      session->taps[j] = taps[i];
    }
}

static void
run_taps (CsSession *session, size_t at, size_t m)
{
  for (size_t i = 0; i < session->n_taps; i++)
    if (session->taps[i].at == at)
      session->taps[i].func (session->taps[i].data, session->position, m, session->residual);
}

/* --- One block of tokens --- */

/* Norms rows of `from` to rows of `to`, [m, d] each. */
typedef struct
{
  const CsArchitecture *architecture;
  const CsNorm *norm;
  const float *from;
  float *to;
} NormRows;

/* Rows are handled on the team only where there is enough of them to be worth it. */
static void
over_rows (CsSession *session, size_t m, CsTeamFunc func, void *data)
{
  cs_team_run (m >= 16 ? session->team : NULL, m, func, data);
}

void
cs_norm_apply (const CsArchitecture *a, const CsNorm *norm, size_t n, const float *x, float *out)
{
  float eps = (float)a->sizes.norm_eps;
  if (a->family->norm_kind == CS_NORM_LAYER)
    cs_kernel_layer_norm (x, norm->weight, norm->bias, n, eps, out);
  else
    cs_kernel_rms_norm (x, norm->weight, n, eps, out);
}

static void
norm_rows (size_t begin, size_t end, unsigned worker, void *data)
{
  const NormRows *rows = data;
  const size_t d = rows->architecture->sizes.d_model;
  for (size_t t = begin; t < end; t++)
    cs_norm_apply (rows->architecture, rows->norm, d, rows->from + t * d, rows->to + t * d);
}

/* What a product of the block reads: the residual stream, normed where the family does so. */
static const float *
normed_input (CsSession *session, const CsNorm *norm, size_t m)
{
  if (norm->weight == NULL)
    return session->residual;
  over_rows (
      session, m, norm_rows,
      &(NormRows){ &session->model->architecture, norm, session->residual, session->normed });
  return session->normed;
}

typedef struct
{
  const CsNorm *norm;
  CsSession *session;
} AddRows;

static void
add_normed_rows (size_t begin, size_t end, unsigned worker, void *data)
{
  const AddRows *rows = data;
  const CsArchitecture *a = &rows->session->model->architecture;
  const size_t d = a->sizes.d_model;
  for (size_t t = begin; t < end; t++)
    {
      float *row = rows->session->branch + t * d;
      cs_norm_apply (a, rows->norm, d, row, row);
      cs_add (row, rows->session->residual + t * d, d);
    }
}

/* residual += norm (x Wᵀ + b), where there is such a norm. */
static void
add_output (CsSession *session,
            const CsLinear *linear,
            const CsNorm *norm,
            const float *x,
            size_t ldx,
            size_t m)
{
  const size_t d = session->model->architecture.sizes.d_model;
  const CsProductScratch scratch = { session->team, session->widened, session->widened_size };
  if (norm->weight == NULL)
    {
      cs_linear_apply (linear, &scratch, x, ldx, m, session->residual, d, true);
      return;
    }
  cs_linear_apply (linear, &scratch, x, ldx, m, session->branch, d, false);
  over_rows (session, m, add_normed_rows, &(AddRows){ norm, session });
}

static void
activate_rows (size_t begin, size_t end, unsigned worker, void *data)
{
  const CsSession *session = data;
  const CsArchitecture *a = &session->model->architecture;
  const size_t d_ff = a->sizes.d_ff, width = a->sizes.gated_mlp ? 2 * d_ff : d_ff;
  for (size_t t = begin; t < end; t++)
    {
      float *row = session->gate_up + t * width;
      cs_kernel_activate (a->activation, row, a->sizes.gated_mlp ? row + d_ff : NULL, d_ff);
    }
}

/* From the residual stream to session->attended. */
static void
run_attention (CsSession *session, size_t layer, size_t m)
{
  const CsBlock *block = &session->model->blocks[layer];
  const CsLinear *qkv = &block->linears[CS_LINEAR_QKV];
  const CsProductScratch scratch = { session->team, session->widened, session->widened_size };
  const float *x = normed_input (session, &block->norms[CS_NORM_BEFORE_ATTENTION], m);
  cs_linear_apply (qkv, &scratch, x, qkv->cols, m, session->qkv, qkv->rows, false);
  cs_session_attend (session, layer, m);
}

/* From the residual stream to session->gate_up. */
static void
run_mlp (CsSession *session, size_t layer, size_t m)
{
  const CsBlock *block = &session->model->blocks[layer];
  const CsLinear *up = &block->linears[CS_LINEAR_GATE_UP];
  const CsProductScratch scratch = { session->team, session->widened, session->widened_size };
  const float *x = normed_input (session, &block->norms[CS_NORM_BEFORE_MLP], m);
  cs_linear_apply (up, &scratch, x, up->cols, m, session->gate_up, up->rows, false);
  over_rows (session, m, activate_rows, session);
}

/* A parallel block's MLP reads the residual stream before attention is added to it. */
static void
run_layer (CsSession *session, size_t layer, size_t m)
{
  const CsBlock *block = &session->model->blocks[layer];
  const CsLinear *out = &block->linears[CS_LINEAR_ATTENTION_OUT],
                 *down = &block->linears[CS_LINEAR_DOWN];
  const CsNorm *norms = block->norms;
  const bool parallel = session->model->architecture.sizes.parallel_residual;
  run_attention (session, layer, m);
  if (!parallel)
    add_output (session, out, &norms[CS_NORM_AFTER_ATTENTION], session->attended, out->cols, m);
  run_mlp (session, layer, m);
  if (parallel)
    add_output (session, out, &norms[CS_NORM_AFTER_ATTENTION], session->attended, out->cols, m);
  add_output (session, down, &norms[CS_NORM_AFTER_MLP], session->gate_up,
              block->linears[CS_LINEAR_GATE_UP].rows, m);
}

/* Logits of the n rows of the residual stream at x; normed [n, d] is scratch. */
static void
apply_head (const CsModel *model,
            const CsProductScratch *scratch,
            const float *x,
            size_t n,
            float *normed,
            float *logits)
{
  const CsModelConfig *s = &model->architecture.sizes;
  norm_rows (0, n, 0, &(NormRows){ &model->architecture, &model->final_norm, x, normed });
  cs_linear_apply (&model->head, scratch, normed, s->d_model, n, logits, s->vocab_size, false);
  if (s->final_softcap > 0)
    cs_kernel_soft_cap (logits, n * s->vocab_size, 1, (float)s->final_softcap);
}

/* Logits of the last n rows of the block. */
static void
run_head (CsSession *session, size_t m, size_t n, float *logits)
{
  const CsProductScratch scratch = { session->team, session->widened, session->widened_size };
  const size_t d = session->model->architecture.sizes.d_model;
  apply_head (session->model, &scratch, session->residual + (m - n) * d, n, session->normed,
              logits);
}

static int32_t
read_id (const CsSession *session, int32_t id)
{
  return session->model->replacements != NULL ? cs_model_read_id (session->model, id) : id;
}

static void
embed (CsSession *session, const int32_t *ids, size_t m)
{
  const CsModelConfig *s = &session->model->architecture.sizes;
  for (size_t t = 0; t < m; t++)
    cs_linear_row (&session->model->embedding, (size_t)read_id (session, ids[t]),
                   session->residual + t * s->d_model);
  if (s->embedding_scale != 1)
    cs_scale ((float)s->embedding_scale, session->residual, m * s->d_model);
}

/* What a forward pass begins with: tokens, or rows of the stream that enter the first block. */
typedef struct
{
  const int32_t *ids;
  const float *rows; /* [n, d]; NULL where there are ids */
  size_t n, first_block, n_blocks;
} Input;

static void
enter (CsSession *session, const Input *input, size_t first, size_t m)
{
  const size_t d = session->model->architecture.sizes.d_model;
  if (input->rows != NULL)
    {
      memcpy (session->residual, input->rows + first * d, m * d * sizeof (float));
      return;
    }
  embed (session, input->ids + first, m);
  run_taps (session, 0, m);
}

static bool
run_block (CsSession *session,
           const Input *input,
           size_t first,
           size_t m,
           size_t n_logits,
           float *logits,
           GError **error)
{
  const CsModelConfig *s = &session->model->architecture.sizes;
  enter (session, input, first, m);
  for (size_t layer = input->first_block; layer < input->n_blocks; layer++)
    {
      run_layer (session, layer, m);
      run_taps (session, layer + 1, m);
    }
  if (n_logits > 0)
    run_head (session, m, n_logits, logits);
  if (cs_all_finite (session->residual, m * s->d_model) &&
      (n_logits == 0 || cs_all_finite (logits, n_logits * s->vocab_size)))
    return true;
  session->failed = true;
  g_set_error (error, CS_ERROR, CS_ERROR_NUMERIC,
               "%s: the residual stream left the finite numbers between positions %zu and %zu",
               session->model->name, session->position, session->position + m - 1);
  return false;
}

/* --- Public --- */

static bool
check_ids (const CsSession *session, const int32_t *ids, size_t n, GError **error)
{
  size_t vocab_size = session->model->architecture.sizes.vocab_size;
  for (size_t i = 0; i < n; i++)
    if (ids[i] < 0 || (size_t)read_id (session, ids[i]) >= vocab_size)
      {
        g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                     "token id %d is outside the vocabulary of %s, which has %zu", ids[i],
                     session->model->name, vocab_size);
        return false;
      }
  return true;
}

static bool
check_call (const CsSession *session, const Input *input, CsLogits which, GError **error)
{
  const size_t n = input->n, n_blocks = input->n_blocks;
  size_t n_layers = session->model->architecture.sizes.n_layers;
  const char *problem = NULL;
  if (session->out_of_memory)
    problem = "there is not enough memory for a sequence of that length";
  else if (session->failed)
    problem = "an earlier error left this run unusable: it has to start anew";
  else if (n > session->capacity - session->position)
    problem = "the tokens do not fit in what is left of the sequence's capacity";
  else if (MAX (input->first_block, n_blocks) > n_layers)
    problem = "the model does not have that many blocks";
  else if (which == CS_LOGITS_LAST && n == 0)
    problem = "there is no token to compute logits for";
  else if (which != CS_LOGITS_NONE && n_blocks < n_layers)
    problem = "there are no logits before the last block";
  else if (session->position > 0 && n_blocks > session->n_blocks_cached)
    problem = "the earlier tokens were not run through that many blocks";
  else if (session->position > 0 && input->first_block < session->first_block_cached)
    problem = "the earlier tokens were not run through the first of those blocks";
  if (problem == NULL)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s: %s (%zu tokens after %zu, capacity %zu)",
               session->model->name, problem, n, session->position, session->capacity);
  return false;
}

static void
note_cached (CsSession *session, const Input *input)
{
  const bool empty = session->position == 0;
  session->first_block_cached =
      empty ? input->first_block : MAX (session->first_block_cached, input->first_block);
  session->n_blocks_cached =
      empty ? input->n_blocks : MIN (session->n_blocks_cached, input->n_blocks);
}

static bool
run_input (CsSession *session, const Input *input, CsLogits which, float *logits, GError **error)
{
  note_cached (session, input);
  for (size_t done = 0; done < input->n;)
    {
      size_t m = MIN (input->n - done, session->max_rows);
      size_t n_logits = which == CS_LOGITS_ALL                            ? m
                        : which == CS_LOGITS_LAST && done + m == input->n ? 1
                                                                          : 0;
      if (!run_block (session, input, done, m, n_logits, logits, error))
        return false;
      if (which == CS_LOGITS_ALL)
        logits += m * session->model->architecture.sizes.vocab_size;
      session->position += m;
      done += m;
    }
  return true;
}

bool
cs_session_forward (CsSession *session,
                    const int32_t *ids,
                    size_t n,
                    size_t n_blocks,
                    CsLogits which,
                    float *logits,
                    GError **error)
{
  const Input input = { .ids = ids, .n = n, .n_blocks = n_blocks };
  return check_call (session, &input, which, error) && check_ids (session, ids, n, error) &&
         run_input (session, &input, which, logits, error);
}

bool
cs_session_forward_from (CsSession *session,
                         size_t first_block,
                         const float *rows,
                         size_t n,
                         CsLogits which,
                         float *logits,
                         GError **error)
{
  const Input input = { .rows = rows,
                        .n = n,
                        .first_block = first_block,
                        .n_blocks = session->model->architecture.sizes.n_layers };
  return check_call (session, &input, which, error) &&
         run_input (session, &input, which, logits, error);
}

void
cs_model_lens (const CsModel *model, const float *row, float *logits)
{
  const CsModelConfig *s = &model->architecture.sizes;
  g_autofree float *normed = g_new (float, s->d_model);
  apply_head (model, &(CsProductScratch){ 0 }, row, 1, normed, logits);
}
