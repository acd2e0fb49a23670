/* What a run of a model holds: cache, scratch and rotary tables. */
#include "session-private.h"

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
