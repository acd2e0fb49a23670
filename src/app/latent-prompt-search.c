#include "latent-prompt-search.h"

#include <math.h>

#include <glib/gi18n.h>

#include "prompt-firing.h"
#include "steering-engine.h"
#include "steering-generation.h"

struct _CsLatentPromptSearch
{
  GtkBox parent;
  GtkEditable *entry;
  GtkDropDown *rank;
  GtkSpinner *spinner;
  GtkLabel *status;

  CsLatentList *list; /* borrowed */
  CsStudy *study;
  CsRun *run;
  CsSteeringEngine *engine;
  GArray *firing;    /* CsPromptFiring, NULL while nothing is searched for */
  GArray *ids;       /* int32_t, of the prompt */
  CsTokenizer *tokenizer;
  guint generation;  /* of the last question: older answers are dropped */
};

G_DEFINE_FINAL_TYPE (CsLatentPromptSearch, cs_latent_prompt_search, GTK_TYPE_BOX)

static guint ready_signal;

/* --- On the thread --- */

typedef struct
{
  CsSteeringEngine *engine;
  char *run_folder, *text;
  size_t layer;
  guint generation;
  GArray *ids, *kinds;
  CsTokenizer *tokenizer;
} Question;

static void
question_free (void *data)
{
  Question *q = data;

  cs_steering_engine_unref (q->engine);
  g_free (q->run_folder);
  g_free (q->text);
  g_clear_pointer (&q->ids, g_array_unref);
  g_clear_pointer (&q->kinds, g_array_unref);
  g_clear_pointer (&q->tokenizer, cs_tokenizer_unref);
  g_free (q);
}

static GArray *
answer (Question *q, GError **error)
{
  const CsPair *pair = cs_steering_engine_pair (q->engine, error);
  g_autoptr (CsSharedCrosscoder) crosscoder = NULL;
  g_autoptr (CsTeam) team = cs_team_new (0);

  if (pair == NULL ||
      (crosscoder = cs_steering_engine_crosscoder (q->engine, q->run_folder, error)) == NULL ||
      !cs_steer_prompt (pair, q->text, pair->chat != NULL, q->ids, q->kinds, error))
    return NULL;
  q->tokenizer = cs_tokenizer_ref (pair->tokenizer);
  return cs_prompt_firing (pair, cs_shared_crosscoder_get (crosscoder), team,
                           cs_steering_layer (pair, q->layer),
                           (const int32_t *)(void *)q->ids->data, (const uint8_t *)q->kinds->data,
                           q->ids->len, 0, q->ids->len, error);
}

static void
answer_in_thread (GTask *task, void *source, void *data, GCancellable *cancellable)
{
  GError *error = NULL;
  GArray *list = answer (data, &error);

  if (list != NULL)
    g_task_return_pointer (task, list, (GDestroyNotify)g_array_unref);
  else
    g_task_return_error (task, error);
}

/* --- What is shown --- */

static CsFiringRank
rank_of (CsLatentPromptSearch *self)
{
  return gtk_drop_down_get_selected (self->rank) == 0 ? CS_FIRING_BY_ACTIVATION
                                                      : CS_FIRING_BY_DIFFERENCE;
}

static void
say (CsLatentPromptSearch *self, const char *text)
{
  gtk_label_set_text (self->status, text);
  gtk_widget_set_visible (GTK_WIDGET (self->status), *text != '\0');
}

static const CsPromptFiring *
find_firing (CsLatentPromptSearch *self, gssize latent)
{
  for (guint i = 0; self->firing != NULL && i < self->firing->len; i++)
    if ((gssize)g_array_index (self->firing, CsPromptFiring, i).latent == latent)
      return &g_array_index (self->firing, CsPromptFiring, i);
  return NULL;
}

/* How many fire, and where the selected one does. */
static void
show_status (CsLatentPromptSearch *self)
{
  gssize latent = self->list != NULL ? cs_latent_list_selected (self->list) : -1;
  const CsPromptFiring *firing = find_firing (self, latent);
  g_autofree char *count = NULL, *text = NULL, *token = NULL, *shown = NULL;
  g_auto (GStrv) lines = NULL;
  size_t position;

  if (self->firing == NULL)
    return;
  count = g_strdup_printf (g_dngettext (NULL, "%u latent fires on %u tokens (BOS left out)",
                                        "%u latents fire on %u tokens (BOS left out)", self->firing->len),
                           self->firing->len, self->ids->len);
  if (firing == NULL)
    {
      say (self, count);
      return;
    }
  position = cs_prompt_firing_position (firing, rank_of (self));
  token = cs_tokenizer_decode (self->tokenizer, &g_array_index (self->ids, int32_t, position), 1, false);
  lines = g_strsplit (token, "\n", -1);
  shown = g_strjoinv ("↵", lines);
  /* Translators: how many latents fire; a latent, its value, a token and the token's place */
  text = g_strdup_printf (_ ("%s · latent %zd: %.3g on “%s”, token %zu"), count, latent,
                          cs_prompt_firing_value (firing, rank_of (self)), shown, position + 1);
  say (self, text);
}

static void
show_firing (CsLatentPromptSearch *self)
{
  size_t n = self->list != NULL ? cs_latent_list_n_latents (self->list) : 0;
  g_autofree float *values = NULL;

  if (self->list == NULL)
    return;
  if (self->firing != NULL)
    {
      values = g_new (float, n);
      for (size_t i = 0; i < n; i++)
        values[i] = NAN;
      for (guint i = 0; i < self->firing->len; i++)
        {
          const CsPromptFiring *f = &g_array_index (self->firing, CsPromptFiring, i);
          if (f->latent < n)
            values[f->latent] = cs_prompt_firing_value (f, rank_of (self));
        }
    }
  cs_latent_list_set_firing (self->list, values);
  show_status (self);
}

/* --- Asking --- */

static void
forget (CsLatentPromptSearch *self)
{
  self->generation++;
  gtk_spinner_stop (self->spinner);
  g_clear_pointer (&self->firing, g_array_unref);
  g_clear_pointer (&self->ids, g_array_unref);
  g_clear_pointer (&self->tokenizer, cs_tokenizer_unref);
  say (self, "");
  show_firing (self);
}

static void
answered_cb (GObject *source, GAsyncResult *result, void *data)
{
  CsLatentPromptSearch *self = CS_LATENT_PROMPT_SEARCH (source);
  Question *q = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) firing = g_task_propagate_pointer (G_TASK (result), &error);

  if (q->generation != self->generation)
    return;
  forget (self);
  if (firing == NULL)
    say (self, error->message);
  else
    {
      self->ids = g_steal_pointer (&q->ids);
      self->tokenizer = g_steal_pointer (&q->tokenizer);
      self->firing = g_steal_pointer (&firing);
      show_firing (self);
      if (g_list_model_get_n_items (G_LIST_MODEL (self->list)) > 0)
        cs_latent_list_select (self->list, (gssize)cs_latent_list_at (self->list, 0));
    }
  g_signal_emit (self, ready_signal, 0);
}

static bool
open_engine (CsLatentPromptSearch *self)
{
  g_autoptr (CsPairSource) pair = cs_study_pair_source (self->study);

  if (pair->folder[0] == NULL || pair->folder[1] == NULL)
    return false;
  if (self->engine != NULL && cs_steering_engine_is_for (self->engine, pair))
    return true;
  g_clear_pointer (&self->engine, cs_steering_engine_unref);
  self->engine = cs_steering_engine_new (pair);
  return true;
}

void
cs_latent_prompt_search_ask (CsLatentPromptSearch *self, const char *text)
{
  g_autoptr (GTask) task = NULL;
  g_autofree char *stripped = NULL;
  Question *q;

  g_return_if_fail (CS_IS_LATENT_PROMPT_SEARCH (self));
  stripped = g_strstrip (g_strdup (text));
  if (g_strcmp0 (gtk_editable_get_text (self->entry), text) != 0)
    gtk_editable_set_text (self->entry, text);
  forget (self);
  if (*stripped == '\0' || self->run == NULL || self->list == NULL)
    {
      g_signal_emit (self, ready_signal, 0);
      return;
    }
  if (!open_engine (self))
    {
      say (self, _ ("The study has no pair of models: choose both on the Pair page."));
      g_signal_emit (self, ready_signal, 0);
      return;
    }
  task = g_task_new (self, NULL, answered_cb, NULL);
  q = g_new0 (Question, 1);
  *q = (Question){ .engine = cs_steering_engine_ref (self->engine),
                   .run_folder = g_strdup (cs_run_folder (self->run)),
                   .text = g_steal_pointer (&stripped),
                   .layer = cs_study_layer (self->study),
                   .generation = self->generation,
                   .ids = g_array_new (FALSE, FALSE, sizeof (int32_t)),
                   .kinds = g_array_new (FALSE, FALSE, sizeof (uint8_t)) };
  gtk_spinner_start (self->spinner);
  say (self, _ ("Both models are reading it …"));
  g_task_set_task_data (task, q, question_free);
  g_task_run_in_thread (task, answer_in_thread);
}

static void
activate_cb (CsLatentPromptSearch *self)
{
  cs_latent_prompt_search_ask (self, gtk_editable_get_text (self->entry));
}

/* An emptied entry forgets the search at once. */
static void
changed_cb (CsLatentPromptSearch *self)
{
  if (*gtk_editable_get_text (self->entry) == '\0' && self->firing != NULL)
    cs_latent_prompt_search_ask (self, "");
}

void
cs_latent_prompt_search_set_list (CsLatentPromptSearch *self, CsLatentList *list)
{
  g_return_if_fail (CS_IS_LATENT_PROMPT_SEARCH (self));
  if (self->list != NULL)
    g_signal_handlers_disconnect_by_data (self->list, self);
  self->list = list;
  if (list != NULL)
    g_signal_connect_object (list, "selected-changed", G_CALLBACK (show_status), self,
                             G_CONNECT_SWAPPED);
}

void
cs_latent_prompt_search_set_run (CsLatentPromptSearch *self, CsStudy *study, CsRun *run)
{
  g_return_if_fail (CS_IS_LATENT_PROMPT_SEARCH (self));
  forget (self);
  g_set_object (&self->study, study);
  g_set_object (&self->run, run);
}

/* --- Class --- */

static void
cs_latent_prompt_search_dispose (GObject *object)
{
  CsLatentPromptSearch *self = CS_LATENT_PROMPT_SEARCH (object);

  self->generation++;
  if (self->list != NULL)
    g_signal_handlers_disconnect_by_data (self->list, self);
  self->list = NULL;
  g_clear_object (&self->study);
  g_clear_object (&self->run);
  g_clear_pointer (&self->engine, cs_steering_engine_unref);
  g_clear_pointer (&self->firing, g_array_unref);
  g_clear_pointer (&self->ids, g_array_unref);
  g_clear_pointer (&self->tokenizer, cs_tokenizer_unref);
  G_OBJECT_CLASS (cs_latent_prompt_search_parent_class)->dispose (object);
}

static void
cs_latent_prompt_search_class_init (CsLatentPromptSearchClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_latent_prompt_search_dispose;
  ready_signal = g_signal_new ("ready", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                               NULL, G_TYPE_NONE, 0);
}

static void
cs_latent_prompt_search_init (CsLatentPromptSearch *self)
{
  const char *const ranks[] = { _ ("Activation"), _ ("Chat − Base"), NULL };
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6), *entry = gtk_search_entry_new ();

  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 3);
  self->entry = GTK_EDITABLE (entry);
  g_object_set (entry, "placeholder-text", _ ("Text: which latents fire on it?"), "hexpand", TRUE, NULL);
  gtk_accessible_update_property (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Find latents that fire on a text"), -1);
  self->rank = GTK_DROP_DOWN (gtk_drop_down_new_from_strings (ranks));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->rank),
                               _ ("Rank by activation, or by the part of the chat − base difference"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->rank), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Rank by"), -1);
  self->spinner = GTK_SPINNER (gtk_spinner_new ());
  self->status = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_xalign (self->status, 0);
  gtk_label_set_wrap (self->status, TRUE);
  gtk_label_set_wrap_mode (self->status, PANGO_WRAP_WORD_CHAR);
  gtk_widget_add_css_class (GTK_WIDGET (self->status), "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self->status), "dim-label");
  gtk_box_append (GTK_BOX (row), entry);
  gtk_box_append (GTK_BOX (row), GTK_WIDGET (self->rank));
  gtk_box_append (GTK_BOX (row), GTK_WIDGET (self->spinner));
  gtk_box_append (GTK_BOX (self), row);
  gtk_box_append (GTK_BOX (self), GTK_WIDGET (self->status));
  say (self, "");
  g_signal_connect_object (entry, "activate", G_CALLBACK (activate_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (entry, "search-changed", G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->rank, "notify::selected", G_CALLBACK (show_firing), self,
                           G_CONNECT_SWAPPED);
}
