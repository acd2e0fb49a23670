#include "steering-generation.h"

#include <string.h>

#include <glib/gi18n.h>

#include "errors.h"
#include "harvest.h"

/* What job and page share. */
typedef struct {
  CsSteeringEngine *engine;
  CsSteeringRequest request;
  CsSteeringText *before[CS_N_PANES];
  GMutex mutex; /* of what follows */
  struct {
    CsPaneState state;
    GString *written;
    CsSteeringText *text;
  } panes[CS_N_PANES];
} Shared;

struct _CsSteeringGeneration {
  GObject parent;
  Shared *shared;
  CsJob *job;
};

G_DEFINE_FINAL_TYPE (CsSteeringGeneration, cs_steering_generation, G_TYPE_OBJECT)

void
cs_steering_request_clear (CsSteeringRequest *request)
{
  g_free (request->prompt[0]);
  g_free (request->prompt[1]);
  g_free (request->run_folder);
  g_clear_pointer (&request->items, g_array_unref);
  memset (request, 0, sizeof *request);
}

size_t
cs_steering_layer (const CsPair *pair, size_t layer)
{
  return layer == CS_LAYER_MIDDLE ? cs_layer_middle (cs_model_config (pair->model[0])->n_layers) : layer;
}

/* --- Texts --- */

static void
clear_text (void *data)
{
  CsSteeringText *text = data;

  g_clear_pointer (&text->tokenizer, cs_tokenizer_unref);
  g_array_unref (text->ids);
  g_array_unref (text->kinds);
  g_array_unref (text->latents);
  g_free (text->values);
  g_free (text->text);
  g_free (text->key);
}

CsSteeringText *
cs_steering_text_ref (CsSteeringText *text)
{
  return g_atomic_rc_box_acquire (text);
}

void
cs_steering_text_unref (CsSteeringText *text)
{
  g_atomic_rc_box_release_full (text, clear_text);
}

float *
cs_steering_text_values (const CsSteeringText *text, size_t latent)
{
  for (guint i = 0; text->values != NULL && i < text->latents->len; i++)
    if (g_array_index (text->latents, size_t, i) == latent)
      {
        float *values = g_new (float, text->ids->len);

        for (guint t = 0; t < text->ids->len; t++)
          values[t] = text->values[(size_t) t * text->latents->len + i];
        return values;
      }
  return NULL;
}

/* --- The job --- */

typedef struct {
  CsJob *job;
  Shared *shared;
  CsPaneId pane;
  CsTeam *team;
  size_t layer;
  const CsPair *pair;
  const CsCrosscoder *crosscoder;
  CsSteeringText *text;
} Writing;

static Shared *
shared_new (CsSteeringEngine *engine, CsSteeringRequest *request)
{
  Shared *shared = g_atomic_rc_box_new0 (Shared);

  shared->engine = cs_steering_engine_ref (engine);
  shared->request = *request;
  memset (request, 0, sizeof *request);
  g_mutex_init (&shared->mutex);
  for (int i = 0; i < CS_N_PANES; i++)
    shared->panes[i].written = g_string_new (NULL);
  return shared;
}

static void
clear_shared (void *data)
{
  Shared *shared = data;

  for (int i = 0; i < CS_N_PANES; i++)
    {
      g_string_free (shared->panes[i].written, TRUE);
      g_clear_pointer (&shared->panes[i].text, cs_steering_text_unref);
      g_clear_pointer (&shared->before[i], cs_steering_text_unref);
    }
  cs_steering_request_clear (&shared->request);
  cs_steering_engine_unref (shared->engine);
  g_mutex_clear (&shared->mutex);
}

static void
shared_unref (void *data)
{
  g_atomic_rc_box_release_full (data, clear_shared);
}

/* All that determines the tokens of a pane, as text. */
static char *
pane_key (const CsSteeringRequest *request, CsPaneId pane)
{
  const int model = cs_pane_model (pane);
  const CsSampling *s = &request->sampling;
  GString *key = g_string_new (NULL);

  g_string_append_printf (key, "%d|%d|%zu|%.17g|%.17g|%" G_GUINT64_FORMAT "|%s", model, request->chat[model], s->max_tokens,
                          s->temperature, s->top_p, s->seed, request->prompt[model]);
  if (!cs_pane_is_steered (pane))
    return g_string_free (key, FALSE);
  g_string_append_printf (key, "|%s|%zu", request->run_folder, request->layer);
  for (guint i = 0; i < request->items->len; i++)
    {
      const CsSteerItem *item = &g_array_index (request->items, CsSteerItem, i);

      g_string_append_printf (key, "|%zu %d %d %.17g %.17g", item->latent, item->mode, item->scope, item->scale,
                              item->max_act);
    }
  return g_string_free (key, FALSE);
}

static bool
on_text (void *data, const char *text, int32_t id)
{
  Writing *w = data;

  g_mutex_lock (&w->shared->mutex);
  g_string_append (w->shared->panes[w->pane].written, text);
  g_mutex_unlock (&w->shared->mutex);
  if (id >= 0)
    g_array_append_val (w->text->ids, id);
  cs_job_touch (w->job);
  return true;
}

static CsSteeringText *
text_new (const CsPair *pair, const GArray *items)
{
  CsSteeringText *text = g_atomic_rc_box_new0 (CsSteeringText);

  text->tokenizer = cs_tokenizer_ref (pair->tokenizer);
  text->ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  text->kinds = g_array_new (FALSE, FALSE, 1);
  text->latents = g_array_new (FALSE, FALSE, sizeof (size_t));
  for (guint i = 0; i < items->len; i++)
    {
      size_t latent = g_array_index (items, CsSteerItem, i).latent;
      g_array_append_val (text->latents, latent);
    }
  return text;
}

static bool
write_text (Writing *w, GError **error)
{
  const CsSteeringRequest *request = &w->shared->request;
  const int model = cs_pane_model (w->pane);
  const CsSteerOptions options = {
    .layer = w->layer, .model = model, .sampling = request->sampling,
    .items = (const CsSteerItem *) (void *) request->items->data,
    .n_items = cs_pane_is_steered (w->pane) ? request->items->len : 0,
  };
  g_autoptr (GArray) prompt = g_array_new (FALSE, FALSE, sizeof (int32_t));

  if (!cs_steer_prompt (w->pair, request->prompt[model], request->chat[model], prompt, w->text->kinds, error))
    return false;
  if (prompt->len == 0)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, "There is no prompt: write one first.");
      return false;
    }
  w->text->n_prompt = prompt->len;
  g_array_append_vals (w->text->ids, prompt->data, prompt->len);
  w->text->text = cs_steer_generate (w->job, w->pair, w->crosscoder, w->team, &options, (const int32_t *) (void *) prompt->data,
                                     prompt->len, on_text, w, NULL, error);
  return w->text->text != NULL;
}

static void
copy_text (Writing *w, const CsSteeringText *old)
{
  w->text->n_prompt = old->n_prompt;
  g_array_append_vals (w->text->ids, old->ids->data, old->ids->len);
  g_array_append_vals (w->text->kinds, old->kinds->data, old->kinds->len);
  w->text->text = g_strdup (old->text);
}

static bool
measure (Writing *w, GError **error)
{
  const size_t n = w->text->ids->len, n_latents = w->text->latents->len;

  if (n_latents == 0)
    return true;
  w->text->values = g_new0 (float, n * n_latents);
  return cs_steer_activations (w->pair, w->crosscoder, w->team, w->layer,
                               (const int32_t *) (void *) w->text->ids->data, n,
                               (const size_t *) (void *) w->text->latents->data, n_latents, w->text->values, error);
}

static void
publish (Writing *w, CsPaneState state)
{
  g_mutex_lock (&w->shared->mutex);
  w->shared->panes[w->pane].state = state;
  if (state == CS_PANE_FINISHED)
    w->shared->panes[w->pane].text = g_steal_pointer (&w->text);
  g_mutex_unlock (&w->shared->mutex);
  cs_job_touch (w->job);
}

/* A text that was stopped half-way is shown as it is. */
static void
publish_stopped (Writing *w)
{
  if (w->text->ids->len > w->text->n_prompt)
    {
      w->text->text = g_strdup (w->shared->panes[w->pane].written->str); /* written by this thread alone */
      g_clear_pointer (&w->text->values, g_free);
      publish (w, CS_PANE_FINISHED);
    }
  g_clear_pointer (&w->text, cs_steering_text_unref);
}

static bool
write_pane (Writing *w, GError **error)
{
  g_autofree char *key = pane_key (&w->shared->request, w->pane);
  const CsSteeringText *old = w->shared->before[w->pane];

  w->text = text_new (w->pair, w->shared->request.items);
  publish (w, CS_PANE_WRITING);
  if (old != NULL && g_strcmp0 (old->key, key) == 0)
    copy_text (w, old);
  else if (!write_text (w, error))
    {
      publish_stopped (w);
      return false;
    }
  if (!measure (w, error))
    {
      g_clear_pointer (&w->text, cs_steering_text_unref);
      return false;
    }
  w->text->key = g_steal_pointer (&key);
  publish (w, CS_PANE_FINISHED);
  return true;
}

/* The chat model first: its two texts are what one looks at. */
static bool
generate_func (CsJob *job, void *data, GError **error)
{
  static const CsPaneId order[] = { CS_PANE_CHAT_PLAIN, CS_PANE_CHAT_STEERED, CS_PANE_BASE_PLAIN, CS_PANE_BASE_STEERED };
  static const char *const phases[] = { N_("Base, plain"), N_("Base, steered"), N_("Chat, plain"), N_("Chat, steered") };
  Shared *shared = data;
  Writing w = { .job = job, .shared = shared };
  g_autoptr (CsTeam) team = NULL;
  g_autoptr (CsSharedCrosscoder) crosscoder = NULL;

  cs_job_phase (job, _("Opening the models"));
  w.pair = cs_steering_engine_pair (shared->engine, error);
  if (w.pair == NULL || !cs_job_checkpoint (job, error))
    return false;
  crosscoder = cs_steering_engine_crosscoder (shared->engine, shared->request.run_folder, error);
  if (crosscoder == NULL)
    return false;
  w.crosscoder = cs_shared_crosscoder_get (crosscoder);
  w.layer = cs_steering_layer (w.pair, shared->request.layer);
  w.team = team = cs_team_new (0);
  for (size_t i = 0; i < G_N_ELEMENTS (order); i++)
    {
      w.pane = order[i];
      if (!shared->request.wanted[w.pane])
        continue;
      cs_job_phase (job, _(phases[w.pane]));
      if (!cs_job_checkpoint (job, error) || !write_pane (&w, error))
        return false;
    }
  return true;
}

/* --- The object --- */

CsSteeringGeneration *
cs_steering_generation_new (CsSteeringEngine *engine, CsSteeringRequest *request, CsSteeringGeneration *before)
{
  CsSteeringGeneration *self = g_object_new (CS_TYPE_STEERING_GENERATION, NULL);

  self->shared = shared_new (engine, request);
  for (int i = 0; before != NULL && before->shared->engine == engine && i < CS_N_PANES; i++)
    self->shared->before[i] = cs_steering_generation_get_text (before, i);
  self->job = cs_job_new (_("Generate"), generate_func, g_atomic_rc_box_acquire (self->shared), shared_unref);
  return self;
}

CsJob *
cs_steering_generation_job (CsSteeringGeneration *generation)
{
  return generation->job;
}

const CsSteeringRequest *
cs_steering_generation_request (CsSteeringGeneration *generation)
{
  return &generation->shared->request;
}

bool
cs_steering_generation_wants (CsSteeringGeneration *generation, CsPaneId pane)
{
  return generation->shared->request.wanted[pane];
}

char *
cs_steering_generation_dup_text (CsSteeringGeneration *generation, CsPaneId pane, CsPaneState *state)
{
  Shared *shared = generation->shared;
  char *text;

  g_mutex_lock (&shared->mutex);
  *state = shared->panes[pane].state;
  text = g_strdup (shared->panes[pane].written->str);
  g_mutex_unlock (&shared->mutex);
  return text;
}

CsSteeringText *
cs_steering_generation_get_text (CsSteeringGeneration *generation, CsPaneId pane)
{
  Shared *shared = generation->shared;
  CsSteeringText *text;

  g_mutex_lock (&shared->mutex);
  text = shared->panes[pane].text != NULL ? cs_steering_text_ref (shared->panes[pane].text) : NULL;
  g_mutex_unlock (&shared->mutex);
  return text;
}

static void
cs_steering_generation_finalize (GObject *object)
{
  CsSteeringGeneration *self = CS_STEERING_GENERATION (object);

  g_clear_object (&self->job);
  g_clear_pointer (&self->shared, shared_unref);
  G_OBJECT_CLASS (cs_steering_generation_parent_class)->finalize (object);
}

static void
cs_steering_generation_class_init (CsSteeringGenerationClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cs_steering_generation_finalize;
}

static void
cs_steering_generation_init (CsSteeringGeneration *self)
{
}
