#include "probe-row.h"

#include <math.h>

#include <glib/gi18n.h>

#include "feedback.h"
#include "pair-taste.h"
#include "plan.h"

#define PROBE_SECONDS 3

typedef struct _Request Request;

/* On the thread: what the row is to say; *offered may be set. */
typedef char *(*ProbeFunc) (const Request *request, char **offered, GError **error);

struct _Request
{
  ProbeFunc func;
  CsPairSource *pair;
  char *store, *offered;
  char **corpora;
  size_t layer, max_tokens;
  CsTrainConfig config;
  guint generation;
};

typedef struct
{
  ProbeFunc func;
  CsProbeStudy study;
  CsProbeConfig config;
  void *owner; /* it contains the row */
  char *hint, *offered;
  bool replaced;    /* the base model reads other tokens: the button takes that back */
  GtkButton *button, *accept;
  GtkSpinner *spinner;
  guint generation; /* of the last question */
} Probe;

static void
request_free (void *data)
{
  Request *r = data;

  g_clear_pointer (&r->pair, cs_pair_source_unref);
  g_free (r->store);
  g_free (r->offered);
  g_strfreev (r->corpora);
  g_free (r);
}

static void
probe_free (void *data)
{
  Probe *probe = data;

  g_free (probe->hint);
  g_free (probe->offered);
  g_free (probe);
}

static Probe *
probe_of (GtkWidget *row)
{
  return g_object_get_data (G_OBJECT (row), "probe");
}

/* --- On the thread --- */

/* replacements: what the base model read in place of others; NULL for none. */
static char *
describe_taste (const CsTaste *taste, const GArray *tokens, const char *replacements)
{
  g_autoptr (GString) unknown = g_string_new (NULL);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, _ ("KL (chat, base): %.2f nats a token on plain text"), taste->plain);
  if (isfinite (taste->question))
    g_string_append_printf (text, _ (", %.2f on questions, %.2f after tokens of the template"), taste->question,
                            taste->markers);
  for (guint i = 0; i < tokens->len; i++)
    if (g_array_index (tokens, CsTemplateToken, i).unknown)
      g_string_append_printf (unknown, "%s%s", unknown->len > 0 ? ", " : "",
                              g_array_index (tokens, CsTemplateToken, i).text);
  if (unknown->len > 0)
    g_string_append_printf (text, _ ("\nThe base model does not seem to know %s of the chat template."), unknown->str);
  else if (tokens->len > 0)
    g_string_append (text, _ ("\nThe base model knows the tokens of the chat template."));
  if (replacements != NULL)
    g_string_append_printf (text, _ ("\nIt reads other tokens in place of some: %s"), replacements);
  return g_string_free (text, FALSE);
}

static char *
taste (const Request *r, char **offered, GError **error)
{
  g_autoptr (CsPair) pair = cs_pair_source_open (r->pair, error);
  /* as it is without replaced tokens: whether it knows the template's is about its own */
  g_autoptr (CsPair) plain = pair != NULL ? cs_pair_open (r->pair->folder[0], r->pair->folder[1], NULL, error) : NULL;
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (GArray) tokens = plain != NULL ? cs_pair_template_tokens (plain, error) : NULL;
  g_autoptr (CsTaste) found = tokens != NULL ? cs_pair_taste (NULL, pair, team, error) : NULL;

  if (found == NULL)
    return NULL;
  *offered = cs_pair_offered_replacements (tokens);
  return describe_taste (found, tokens, r->pair->base_replacements);
}

static char *
describe_plan (const CsPlan *plan)
{
  g_autofree char *time = cs_feedback_duration (plan->seconds), *disk = cs_feedback_bytes (plan->disk);
  g_autofree char *memory = cs_feedback_bytes (plan->memory), *tokens = cs_feedback_count (plan->tokens);
  g_autofree char *rate = cs_feedback_count (plan->tokens_per_s);
  /* Translators: duration, tokens, tokens a second, size on disk, size in memory */
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, _ ("About %s for %s tokens, at %s a second; %s of disk, %s of memory"), time, tokens, rate,
                          disk, memory);
  for (char **s = plan->problems; *s != NULL; s++)
    g_string_append_printf (text, "\n%s", *s);
  for (char **s = plan->advice; *s != NULL; s++)
    g_string_append_printf (text, "\n%s", *s);
  return g_string_free (text, FALSE);
}

static char *
plan_harvest (const Request *r, char **offered, GError **error)
{
  const CsHarvestOptions options = { .base_folder = r->pair->folder[0], .chat_folder = r->pair->folder[1],
                                     .layer = r->layer,
                                     .corpora = (const char *const *) r->corpora, .max_tokens = r->max_tokens,
                                     .date = r->pair->date,
                                     .base_replacements = r->pair->base_replacements, .dtype = CS_DTYPE_F16,
                                     .out = r->store };
  g_autoptr (CsPlan) plan = cs_plan_harvest (NULL, &options, PROBE_SECONDS, NULL, NULL, error);

  return plan != NULL ? describe_plan (plan) : NULL;
}

static char *
plan_training (const Request *r, char **offered, GError **error)
{
  g_autoptr (CsPlan) plan =
    cs_plan_training (NULL, &r->config, r->store, 0, r->store, PROBE_SECONDS, error);

  return plan != NULL ? describe_plan (plan) : NULL;
}

static void
probe_thread (GTask *task, void *source, void *data, GCancellable *cancellable)
{
  Request *request = data;
  GError *error = NULL;
  char *text = request->func (request, &request->offered, &error);

  if (text != NULL)
    g_task_return_pointer (task, text, g_free);
  else
    g_task_return_error (task, error);
}

/* --- The row --- */

static void
show (GtkWidget *row, const char *text, bool busy)
{
  Probe *probe = probe_of (row);
  g_autofree char *escaped = g_markup_escape_text (text, -1);

  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), escaped);
  gtk_widget_set_visible (GTK_WIDGET (probe->spinner), busy);
  gtk_spinner_set_spinning (probe->spinner, busy);
  gtk_widget_set_sensitive (GTK_WIDGET (probe->button), !busy);
  gtk_widget_set_visible (GTK_WIDGET (probe->accept), (probe->offered != NULL || probe->replaced) && !busy);
  gtk_button_set_label (probe->accept, probe->replaced ? _ ("_Do Not Replace") : _ ("_Replace"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (probe->accept),
                               probe->replaced
                                 ? _ ("Let the base model read every token as it is")
                                 : _ ("Let the base model read ordinary tokens in place of those that it does not know"));
}

void
cs_probe_row_reset (GtkWidget *row)
{
  Probe *probe = probe_of (row);

  probe->generation++;
  probe->replaced = false;
  g_clear_pointer (&probe->offered, g_free);
  show (row, probe->hint, false);
}

static void
answered_cb (GObject *source, GAsyncResult *result, void *data)
{
  GtkWidget *row = GTK_WIDGET (source);
  Probe *probe = probe_of (row);
  const Request *request = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_task_propagate_pointer (G_TASK (result), &error);

  if (gtk_widget_get_parent (row) == NULL || request->generation != probe->generation)
    return;
  g_free (probe->offered);
  probe->offered = g_strdup (request->offered);
  probe->replaced = probe->func == taste && text != NULL && request->pair->base_replacements != NULL;
  show (row, text != NULL ? text : error->message, false);
}

/* Why nothing can be measured, or NULL. */
static const char *
fill_request (const Probe *probe, CsStudy *study, Request *r)
{
  r->pair = cs_study_pair_source (study);
  r->store = cs_study_store_path (study);
  r->corpora = g_strdupv ((char **) (uintptr_t) cs_study_corpora (study));
  r->layer = cs_study_layer (study);
  r->max_tokens = cs_study_max_tokens (study);
  if (probe->config == NULL)
    return r->pair->folder[0] == NULL || r->pair->folder[1] == NULL ? _ ("Choose two models first.")
           : probe->func == plan_harvest && r->corpora[0] == NULL ? _ ("Add a corpus first.")
                                                                  : NULL;
  r->config = *probe->config (probe->owner);
  return g_file_test (r->store, G_FILE_TEST_EXISTS) ? NULL : _ ("Harvest activations first.");
}

static void
clicked_cb (GtkWidget *row)
{
  Probe *probe = probe_of (row);
  CsStudy *study = probe->study (probe->owner);
  g_autoptr (GTask) task = NULL;
  Request *request;
  const char *problem;

  if (study == NULL)
    return;
  request = g_new0 (Request, 1);
  request->func = probe->func;
  request->generation = ++probe->generation;
  problem = fill_request (probe, study, request);
  if (problem != NULL)
    {
      show (row, problem, false);
      request_free (request);
      return;
    }
  task = g_task_new (row, NULL, answered_cb, NULL);
  g_task_set_task_data (task, request, request_free);
  show (row, _ ("Measuring…"), true);
  g_task_run_in_thread (task, probe_thread);
}

static void
accept_cb (GtkWidget *row)
{
  Probe *probe = probe_of (row);
  CsStudy *study = probe->study (probe->owner);
  g_autofree char *replacements = probe->replaced ? NULL : g_strdup (probe->offered);
  g_autoptr (GError) error = NULL;

  if (study == NULL)
    return;
  if (!cs_study_set_base_replacements (study, replacements, &error))
    cs_feedback_error (row, &error);
  else
    clicked_cb (row); /* how much nearer the two are */
}

static GtkButton *
add_button (GtkWidget *row, const char *label, GCallback callback)
{
  GtkWidget *button = gtk_button_new_with_mnemonic (label);

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  g_signal_connect_object (button, "clicked", callback, row, G_CONNECT_SWAPPED);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  return GTK_BUTTON (button);
}

static GtkWidget *
row_new (const char *title, const char *hint, ProbeFunc func, CsProbeStudy study, CsProbeConfig config, void *owner)
{
  GtkWidget *row = adw_action_row_new ();
  Probe *probe = g_new0 (Probe, 1);

  *probe = (Probe) { .func = func, .study = study, .config = config, .owner = owner, .hint = g_strdup (hint) };
  g_object_set_data_full (G_OBJECT (row), "probe", probe, probe_free);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 0);
  probe->spinner = GTK_SPINNER (gtk_spinner_new ());
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), GTK_WIDGET (probe->spinner));
  probe->accept = add_button (row, "", G_CALLBACK (accept_cb));
  probe->button = add_button (row, _ ("_Measure"), G_CALLBACK (clicked_cb));
  show (row, hint, false);
  return row;
}

GtkWidget *
cs_pair_taste_row_new (CsProbeStudy study, void *owner)
{
  return row_new (_ ("First Taste"),
                  _ ("How far apart the two predict on a few prompts, and whether the base model knows the chat template"),
                  taste, study, NULL, owner);
}

GtkWidget *
cs_harvest_plan_row_new (CsProbeStudy study, void *owner)
{
  return row_new (_ ("Plan"), _ ("A few seconds of harvest tell how long all of it will take"), plan_harvest, study, NULL,
                  owner);
}

GtkWidget *
cs_training_plan_row_new (CsProbeStudy study, CsProbeConfig config, void *owner)
{
  return row_new (_ ("Time and Memory"), _ ("A few steps tell how long all of them will take"), plan_training, study,
                  config, owner);
}
