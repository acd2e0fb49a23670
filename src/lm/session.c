/* The forward pass: blocks of tokens through blocks of layers. */
#include "session-private.h"

#include <string.h>

#include "errors.h"
#include "session-kernels.h"
#include "vector.h"

/* --- Memory --- */

/* More than any machine has (256 GiB): refused without asking the system. */
#define MAX_FLOATS ((size_t)1 << 36)

/* a·b·c floats that read as zero; pages are only taken when they are touched. Sets out_of_memory on
 * failure. */
static float *
allocate (CsSession *session, size_t a, size_t b, size_t c)
{
  size_t n;
  float *memory = NULL;
  if (g_size_checked_mul (&n, a, b) && g_size_checked_mul (&n, n, c) && n <= MAX_FLOATS)
    memory = g_try_malloc0_n (MAX (n, 1), sizeof *memory);
  if (memory == NULL)
    session->out_of_memory = true;
  return memory;
}

/* Whether anything that is added to the residual stream is normed first. */
static bool
has_branch (const CsArchitecture *a)
{
  return a->family->norms[CS_NORM_AFTER_ATTENTION] != NULL ||
         a->family->norms[CS_NORM_AFTER_MLP] != NULL;
}

static void
allocate_angles (CsSession *session, CsAngles *angles, const CsRope *rope)
{
  const size_t n_rotated = session->model->architecture.sizes.n_rotated;
  angles->frequencies = g_new (double, n_rotated / 2);
  cs_rope_frequencies (rope, n_rotated, angles->frequencies);
  angles->cosines = allocate (session, session->capacity, n_rotated / 2, 1);
  angles->sines = allocate (session, session->capacity, n_rotated / 2, 1);
}

static void
allocate_scratch (CsSession *session)
{
  const CsModelConfig *s = &session->model->architecture.sizes;
  const size_t rows = session->max_rows, dim = s->head_dim,
               n_workers = cs_team_size (session->team);
  session->residual = allocate (session, rows, s->d_model, 1);
  session->normed = allocate (session, rows, s->d_model, 1);
  session->qkv = allocate (session, rows, s->n_heads + 2 * s->n_kv_heads, dim);
  session->attended = allocate (session, rows, s->n_heads, dim);
  session->gate_up = allocate (session, rows, s->gated_mlp ? 2 : 1, s->d_ff);
  if (has_branch (&session->model->architecture))
    session->branch = allocate (session, rows, s->d_model, 1);
  session->keys = allocate (session, s->n_layers, s->n_kv_heads * dim, session->capacity);
  session->values = allocate (session, s->n_layers, s->n_kv_heads * dim, session->capacity);
  session->scores = allocate (session, n_workers, session->score_rows, session->capacity);
  if (session->model->embedding.wide == NULL)
    {
      session->widened_size = CS_PIECE_SIZE;
      session->widened = allocate (session, n_workers, session->widened_size, 1);
    }
}

CsSession *
cs_session_new (CsModel *model, CsTeam *team, size_t capacity)
{
  CsSession *session = g_new0 (CsSession, 1);
  const CsRope *rope = model->architecture.rope;
  session->model = cs_model_ref (model);
  session->team = team;
  session->capacity = capacity;
  session->max_rows = CLAMP (
      capacity, 1, model->embedding.wide != NULL ? CS_SESSION_BLOCK : CS_SESSION_LARGE_BLOCK);
  session->score_rows = CLAMP (((size_t)1 << 19) / MAX (capacity, 1), 16, CS_SCORE_ROWS);
  allocate_scratch (session);
  allocate_angles (session, &session->angles[CS_ROPE_GLOBAL], &rope[CS_ROPE_GLOBAL]);
  if (!cs_rope_equal (&rope[CS_ROPE_GLOBAL], &rope[CS_ROPE_LOCAL]))
    allocate_angles (session, &session->angles[CS_ROPE_LOCAL], &rope[CS_ROPE_LOCAL]);
  return session;
}

void
cs_session_free (CsSession *session)
{
  if (session == NULL)
    return;
  float *const memory[] = { session->residual, session->normed, session->qkv,  session->attended,
                            session->gate_up,  session->branch, session->keys, session->values,
                            session->scores,   session->widened };
  for (size_t i = 0; i < G_N_ELEMENTS (memory); i++)
    g_free (memory[i]);
  for (size_t i = 0; i < CS_N_ROPES; i++)
    {
      g_free (session->angles[i].frequencies);
      g_free (session->angles[i].cosines);
      g_free (session->angles[i].sines);
    }
  g_free (session->taps);
  cs_model_unref (session->model);
  g_free (session);
}

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

static bool
run_block (CsSession *session,
           const int32_t *ids,
           size_t m,
           size_t n_blocks,
           size_t n_logits,
           float *logits,
           GError **error)
{
  const CsModelConfig *s = &session->model->architecture.sizes;
  embed (session, ids, m);
  run_taps (session, 0, m);
  for (size_t layer = 0; layer < n_blocks; layer++)
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
check_call (const CsSession *session, size_t n, size_t n_blocks, CsLogits which, GError **error)
{
  size_t n_layers = session->model->architecture.sizes.n_layers;
  const char *problem = NULL;
  if (session->out_of_memory)
    problem = "there is not enough memory for a sequence of that length";
  else if (session->failed)
    problem = "an earlier error left this run unusable: it has to start anew";
  else if (n > session->capacity - session->position)
    problem = "the tokens do not fit in what is left of the sequence's capacity";
  else if (n_blocks > n_layers)
    problem = "the model does not have that many blocks";
  else if (which == CS_LOGITS_LAST && n == 0)
    problem = "there is no token to compute logits for";
  else if (which != CS_LOGITS_NONE && n_blocks < n_layers)
    problem = "there are no logits before the last block";
  else if (session->position > 0 && n_blocks > session->n_blocks_cached)
    problem = "the earlier tokens were not run through that many blocks";
  if (problem == NULL)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s: %s (%zu tokens after %zu, capacity %zu)",
               session->model->name, problem, n, session->position, session->capacity);
  return false;
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
  if (!check_call (session, n, n_blocks, which, error) || !check_ids (session, ids, n, error))
    return false;
  session->n_blocks_cached =
      session->position == 0 ? n_blocks : MIN (session->n_blocks_cached, n_blocks);
  for (size_t done = 0; done < n;)
    {
      size_t m = MIN (n - done, session->max_rows);
      size_t n_logits = which == CS_LOGITS_ALL                     ? m
                        : which == CS_LOGITS_LAST && done + m == n ? 1
                                                                   : 0;
      if (!run_block (session, ids + done, m, n_blocks, n_logits, logits, error))
        return false;
      if (which == CS_LOGITS_ALL)
        logits += m * session->model->architecture.sizes.vocab_size;
      session->position += m;
      done += m;
    }
  return true;
}

void
cs_model_lens (const CsModel *model, const float *row, float *logits)
{
  const CsModelConfig *s = &model->architecture.sizes;
  g_autofree float *normed = g_new (float, s->d_model);
  apply_head (model, &(CsProductScratch){ 0 }, row, 1, normed, logits);
}
