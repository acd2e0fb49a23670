#include "imported-card.h"

#include <glib/gi18n.h>

#include "exchange.h"
#include "feedback.h"
#include "json.h"
#include "model-cache.h"

struct _CsImportedCard
{
  AdwBin parent;
  AdwPreferencesGroup *group;
  GtkWidget *suggestion, *latents, *calibrate;
  CsStudy *study;
  CsRun *run;               /* that needs something; NULL for none */
  char *lm_name;            /* of its files, or NULL */
  char *found[2];           /* models of that name in the cache */
  char *searched;           /* the lm_name that was looked for */
  GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE (CsImportedCard, cs_imported_card, ADW_TYPE_BIN)

/* --- What is needed --- */

typedef struct
{
  json_t *config;           /* the run's */
  size_t width, layer;      /* SIZE_MAX = not known */
  size_t other_width;       /* of a chosen model that does not fit; 0 = none */
  bool pair, threshold;     /* is missing */
} Needs;

static size_t
width_of_model (const char *folder)
{
  g_autofree char *resolved = cs_model_folder_resolve (folder);
  g_autofree char *file = g_build_filename (resolved, "config.json", NULL);
  g_autoptr (json_t) config = g_file_test (file, G_FILE_TEST_EXISTS) ? cs_json_load (file, 1 << 20, NULL) : NULL;
  json_t *text = json_object_get (config, "text_config");
  json_t *width = json_object_get (json_is_object (text) ? text : config, "hidden_size");

  return json_is_integer (width) && json_integer_value (width) > 0 ? (size_t) json_integer_value (width) : 0;
}

static size_t
size_of (const json_t *config, const char *key)
{
  json_t *value = json_object_get (config, key);

  return json_is_integer (value) && json_integer_value (value) >= 0 ? (size_t) json_integer_value (value) : SIZE_MAX;
}

/* Whether the run was imported and cannot be used as it is. */
static bool
look (CsStudy *study, CsRun *run, Needs *needs)
{
  g_autofree char *file = g_build_filename (cs_run_folder (run), "config.json", NULL);

  *needs = (Needs) { .width = SIZE_MAX, .layer = SIZE_MAX };
  if (!cs_run_is_imported (cs_run_folder (run)))
    return false;
  needs->config = cs_json_load (file, 1 << 20, NULL);
  needs->width = size_of (needs->config, "activation_dim");
  needs->layer = size_of (needs->config, "layer");
  for (int m = 0; m < 2; m++)
    {
      const char *folder = cs_study_model_folder (study, m);
      size_t width = folder != NULL ? width_of_model (folder) : 0;

      needs->pair |= folder == NULL;
      if (width > 0 && needs->width != SIZE_MAX && width != needs->width)
        needs->other_width = width;
    }
  needs->threshold = cs_run_needs_threshold (cs_run_folder (run));
  if (needs->pair || needs->other_width > 0 || needs->threshold)
    return true;
  g_clear_pointer (&needs->config, json_decref);
  return false;
}

static CsRun *
first_needy (CsStudy *study, Needs *needs)
{
  GListModel *runs = cs_study_runs (study);

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);

      if (look (study, run, needs))
        return run; /* the study keeps it */
    }
  return NULL;
}

/* --- Models that fit, by the name that the crosscoder's files give --- */

static const char *
last_part (const char *name)
{
  const char *slash = strrchr (name, '/');

  return slash != NULL ? slash + 1 : name;
}

/* The training library calls a pair "chat-base". */
static void
search_thread (GTask *task, void *object, void *data, GCancellable *cancellable)
{
  g_autoptr (GPtrArray) models = cs_model_cache_list ();
  GStrvBuilder *found = g_strv_builder_new ();

  for (guint base = 0; base < models->len; base++)
    for (guint chat = 0; chat < models->len; chat++)
      {
        const CsCachedModel *b = g_ptr_array_index (models, base), *c = g_ptr_array_index (models, chat);
        g_autofree char *name = g_strconcat (last_part (c->name), "-", last_part (b->name), NULL);

        if (base != chat && b->supported && c->supported && g_ascii_strcasecmp (name, last_part (data)) == 0)
          g_strv_builder_add_many (found, b->repository, c->repository, NULL);
      }
  g_task_return_pointer (task, g_strv_builder_end (found), (GDestroyNotify) g_strfreev);
  g_strv_builder_unref (found);
}

static void
show_suggestion (CsImportedCard *self)
{
  gtk_widget_set_visible (self->suggestion, self->found[0] != NULL);
  if (self->found[0] != NULL)
    {
      g_autofree char *base = cs_model_folder_name (self->found[0]), *chat = cs_model_folder_name (self->found[1]);
      g_autofree char *text = g_strdup_printf (_ ("Use %s and %s of This Computer"), base, chat);
      g_autofree char *escaped = g_markup_escape_text (text, -1);

      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->suggestion), escaped);
    }
}

static void
found_cb (GObject *source, GAsyncResult *result, void *data)
{
  CsImportedCard *self = CS_IMPORTED_CARD (source);
  g_auto (GStrv) found = g_task_propagate_pointer (G_TASK (result), NULL);

  if (found == NULL || found[0] == NULL || self->group == NULL)
    return;
  for (int m = 0; m < 2; m++)
    {
      g_free (self->found[m]);
      self->found[m] = g_strdup (found[m]);
    }
  show_suggestion (self);
}

static void
search_models (CsImportedCard *self)
{
  g_autoptr (GTask) task = NULL;

  if (g_strcmp0 (self->searched, self->lm_name) == 0)
    return;
  g_free (self->searched);
  self->searched = g_strdup (self->lm_name);
  g_clear_pointer (&self->found[0], g_free);
  g_clear_pointer (&self->found[1], g_free);
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (self->lm_name == NULL)
    return;
  self->cancellable = g_cancellable_new ();
  task = g_task_new (self, self->cancellable, found_cb, NULL);
  g_task_set_task_data (task, g_strdup (self->lm_name), g_free);
  g_task_run_in_thread (task, search_thread);
}

static void
use_cb (CsImportedCard *self)
{
  g_autoptr (CsStudy) study = g_object_ref (self->study);
  g_autofree char *base = g_strdup (self->found[0]), *chat = g_strdup (self->found[1]);
  g_autoptr (GError) error = NULL;

  if (!cs_study_set_model_folder (study, 0, base, &error) || !cs_study_set_model_folder (study, 1, chat, &error))
    cs_feedback_error (GTK_WIDGET (self), &error);
}

/* --- What is shown --- */

static char *
describe (const Needs *needs)
{
  GString *text = g_string_new (NULL);
  const char *name = json_string_value (json_object_get (needs->config, "lm_name"));
  json_t *notes = json_object_get (json_object_get (needs->config, "imported"), "notes"), *note;
  size_t i;

  if (needs->pair)
    g_string_append_printf (text, _ ("It was made for two models of width %zu."), needs->width);
  if (needs->pair && name != NULL)
    g_string_append_printf (text, _ (" Its files call them “%s”."), name);
  if (needs->pair && needs->layer != SIZE_MAX)
    g_string_append_printf (text, _ (" It reads the residual stream after block %zu, counted from 0."), needs->layer);
  if (needs->other_width > 0)
    g_string_append_printf (text, _ ("It was made for models of width %zu, and one of those chosen has %zu: choose its own pair."),
                            needs->width, needs->other_width);
  json_array_foreach (notes, i, note)
    if (json_is_string (note))
      g_string_append_printf (text, "%s%s", text->len > 0 ? "\n" : "", json_string_value (note));
  return g_string_free (text, FALSE);
}

static void
show_needs (CsImportedCard *self, const Needs *needs)
{
  const char *name = cs_run_name (self->run);
  g_autofree char *title = g_strdup_printf (needs->other_width > 0 ? _ ("%s Does Not Fit These Models")
                                            : needs->pair          ? _ ("%s Needs Its Two Models")
                                                                   : _ ("%s Needs a Threshold"),
                                            name);
  g_autofree char *text = describe (needs);
  g_autofree char *escaped_title = g_markup_escape_text (title, -1), *escaped = g_markup_escape_text (text, -1);

  adw_preferences_group_set_title (self->group, escaped_title);
  adw_preferences_group_set_description (self->group, escaped);
  gtk_widget_set_visible (self->calibrate, needs->threshold);
  /* In this order: an action without the target that it takes is complained about. */
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->latents), "(su)", name, 0u);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->latents), "win.show-latent");
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->calibrate), "s", name);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->calibrate), "training.calibrate");
  g_free (self->lm_name);
  self->lm_name = needs->pair || needs->other_width > 0
                    ? g_strdup (json_string_value (json_object_get (needs->config, "lm_name")))
                    : NULL;
  search_models (self);
  show_suggestion (self);
}

static void
update (CsImportedCard *self)
{
  Needs needs = { 0 };
  CsRun *run = self->study != NULL ? first_needy (self->study, &needs) : NULL;

  if (self->run != NULL && self->run != run)
    g_signal_handlers_disconnect_by_func (self->run, update, self);
  if (run != NULL && self->run != run)
    g_signal_connect_object (run, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  g_set_object (&self->run, run);
  gtk_widget_set_visible (GTK_WIDGET (self), run != NULL);
  if (run != NULL)
    show_needs (self, &needs);
  g_clear_pointer (&needs.config, json_decref);
}

void
cs_imported_card_set_study (CsImportedCard *card, CsStudy *study)
{
  g_return_if_fail (CS_IS_IMPORTED_CARD (card));
  if (card->study != NULL)
    {
      g_signal_handlers_disconnect_by_func (card->study, update, card);
      g_signal_handlers_disconnect_by_func (cs_study_runs (card->study), update, card);
    }
  g_set_object (&card->study, study);
  if (study != NULL)
    {
      g_signal_connect_object (study, "changed", G_CALLBACK (update), card, G_CONNECT_SWAPPED);
      g_signal_connect_object (cs_study_runs (study), "items-changed", G_CALLBACK (update), card, G_CONNECT_SWAPPED);
    }
  update (card);
}

/* --- Life --- */

static GtkWidget *
row_new (CsImportedCard *self, const char *title, const char *subtitle)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), gtk_image_new_from_icon_name ("go-next-symbolic"));
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
  adw_preferences_group_add (self->group, row);
  return row;
}

static void
cs_imported_card_dispose (GObject *object)
{
  CsImportedCard *self = CS_IMPORTED_CARD (object);

  self->group = NULL;
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->run);
  g_clear_object (&self->study);
  G_OBJECT_CLASS (cs_imported_card_parent_class)->dispose (object);
}

static void
cs_imported_card_finalize (GObject *object)
{
  CsImportedCard *self = CS_IMPORTED_CARD (object);

  g_free (self->lm_name);
  g_free (self->searched);
  g_free (self->found[0]);
  g_free (self->found[1]);
  G_OBJECT_CLASS (cs_imported_card_parent_class)->finalize (object);
}

static void
cs_imported_card_class_init (CsImportedCardClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_imported_card_dispose;
  G_OBJECT_CLASS (klass)->finalize = cs_imported_card_finalize;
}

static void
cs_imported_card_init (CsImportedCard *self)
{
  GtkWidget *clamp = adw_clamp_new ();

  self->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  self->suggestion = row_new (self, "", _ ("Their names are those that its files give"));
  g_signal_connect_object (self->suggestion, "activated", G_CALLBACK (use_cb), self, G_CONNECT_SWAPPED);
  self->latents = row_new (self, _ ("Look at Its Latents"), _ ("What the weights alone say, without models"));
  self->calibrate = row_new (self, _ ("Calibrate Its Threshold"),
                             _ ("On the harvested activations, so that as many latents a token are active as it was trained for"));
  adw_clamp_set_maximum_size (ADW_CLAMP (clamp), 720);
  adw_clamp_set_child (ADW_CLAMP (clamp), GTK_WIDGET (self->group));
  adw_bin_set_child (ADW_BIN (self), clamp);
  gtk_widget_set_margin_top (clamp, 24);
  gtk_widget_set_margin_start (clamp, 12);
  gtk_widget_set_margin_end (clamp, 12);
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}

GtkWidget *
cs_imported_card_new (void)
{
  return g_object_new (CS_TYPE_IMPORTED_CARD, NULL);
}
