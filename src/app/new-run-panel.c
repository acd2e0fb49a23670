#include "new-run-panel.h"

#include <glib/gi18n.h>

#include "demo.h"
#include "feedback.h"
#include "new-run-fields.h"
#include "probe-row.h"
#include "train-config.h"

#define MAX_FIELDS 40

struct _CsNewRunPanel
{
  AdwBin parent;
  AdwComboRow *preset, *variant, *code_norm;
  AdwEntryRow *name;
  GtkLabel *plan, *changes, *problem;
  GtkWidget *changes_row;
  GtkButton *start;
  GtkBox *groups;

  CsStudy *study;
  CsTrainConfig config;
  GtkWidget *rows[MAX_FIELDS];   /* of field i */
  GtkWidget *inputs[MAX_FIELDS]; /* GtkSpinButton or GtkSwitch */
  size_t d_model, n_tokens;      /* of the store (or the pair); 0 while not known */
  bool loading;
  bool name_edited;
};

G_DEFINE_FINAL_TYPE (CsNewRunPanel, cs_new_run_panel, ADW_TYPE_BIN)

static guint closed_signal;

/* --- The plan --- */

/* Why the run cannot start, or NULL. Free with g_free(). */
static char *
find_problem (CsNewRunPanel *self)
{
  const char *name = gtk_editable_get_text (GTK_EDITABLE (self->name));
  g_autoptr (GError) error = NULL;
  g_autofree char *store = self->study != NULL ? cs_study_store_path (self->study) : NULL;

  if (self->study == NULL)
    return g_strdup ("");
  if (*name == '\0' || *name == '.' || strchr (name, '/') != NULL)
    return g_strdup (_ ("Give the run a name: it becomes a folder, so without “/” and no leading dot."));
  if (cs_study_find_run (self->study, name) != NULL)
    return g_strdup_printf (_ ("There is a run named %s already; choose another name."), name);
  if (!cs_train_config_check (&self->config, &error))
    return g_strdup (error->message);
  if (!g_file_test (store, G_FILE_TEST_EXISTS) && !cs_study_has_active_jobs (self->study))
    return g_strdup (_ ("There are no activations to train on yet: harvest them first, on the Activations page."));
  if (self->n_tokens > 0 && (double) self->n_tokens * (1 - self->config.held_out) < (double) self->config.batch)
    return g_strdup (_ ("The batch is larger than the store: choose a smaller one or harvest more tokens."));
  return NULL;
}

/* Encoder and decoder [F, 2·d] each, their biases F and 2·d, in float32; Adam keeps two moments of each. */
static double
memory_bytes (const CsTrainConfig *config, size_t d_model)
{
  double f = (double) config->n_latents, d = (double) d_model;

  return 3 * 4 * (4 * f * d + f + 2 * d);
}

static char *
describe_plan (CsNewRunPanel *self)
{
  double tokens = (double) self->config.steps * (double) self->config.batch;
  double train = (double) self->n_tokens * (1 - self->config.held_out);
  g_autofree char *steps = cs_feedback_count ((double) self->config.steps);
  g_autofree char *batch = cs_feedback_count ((double) self->config.batch);
  g_autofree char *total = cs_feedback_count (tokens);
  g_autofree char *memory = cs_feedback_bytes (memory_bytes (&self->config, self->d_model));
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, _ ("%s steps × %s tokens = %s tokens"), steps, batch, total);
  if (train > 0)
    g_string_append_printf (text, _ (", %.1f epochs of the store"), tokens / train);
  if (self->d_model > 0)
    g_string_append_printf (text, _ (". Weights and Adam need %s of memory."), memory);
  return g_string_free (text, FALSE);
}

static void
update_plan (CsNewRunPanel *self)
{
  CsTrainConfig clamped = self->config;
  g_auto (GStrv) sentences = cs_train_config_clamp (&clamped);
  g_autofree char *changes = g_strjoinv ("\n", sentences);
  g_autofree char *problem = find_problem (self);
  g_autofree char *plan = describe_plan (self);

  gtk_label_set_text (self->plan, plan);
  gtk_label_set_text (self->changes, changes);
  gtk_widget_set_visible (self->changes_row, *changes != '\0');
  gtk_label_set_text (self->problem, problem != NULL ? problem : "");
  gtk_widget_set_visible (GTK_WIDGET (self->problem), problem != NULL && *problem != '\0');
  gtk_widget_set_sensitive (GTK_WIDGET (self->start), problem == NULL);
}

/* --- Between the form and the configuration --- */

static void
update_heeded (CsNewRunPanel *self)
{
  size_t n;
  const CsRunField *fields = cs_run_fields (&n);

  for (size_t i = 0; i < n; i++)
    gtk_widget_set_visible (self->rows[i], (fields[i].variants & (1u << self->config.variant)) != 0);
}

static void
suggest_name (CsNewRunPanel *self)
{
  g_autofree char *name = NULL;

  if (self->study == NULL || self->name_edited)
    return;
  name = cs_study_new_run_name (self->study, self->config.variant);
  self->loading = true;
  gtk_editable_set_text (GTK_EDITABLE (self->name), name);
  self->loading = false;
}

void
cs_new_run_panel_set_config (CsNewRunPanel *self, const CsTrainConfig *config)
{
  size_t n;
  const CsRunField *fields = cs_run_fields (&n);

  self->config = *config;
  self->loading = true;
  adw_combo_row_set_selected (self->variant, (guint) config->variant);
  adw_combo_row_set_selected (self->code_norm, (guint) config->code_norm - 1);
  for (size_t i = 0; i < n; i++)
    {
      double value = cs_run_field_get (&fields[i], config);

      if (GTK_IS_SWITCH (self->inputs[i]))
        gtk_switch_set_active (GTK_SWITCH (self->inputs[i]), value != 0);
      else
        gtk_spin_button_set_value (GTK_SPIN_BUTTON (self->inputs[i]), value);
    }
  self->loading = false;
  update_heeded (self);
  suggest_name (self);
  update_plan (self);
}

static void
field_changed_cb (GtkWidget *input, GParamSpec *pspec, CsNewRunPanel *self)
{
  const CsRunField *field = g_object_get_data (G_OBJECT (input), "field");
  double value = GTK_IS_SWITCH (input) ? gtk_switch_get_active (GTK_SWITCH (input))
                                       : gtk_spin_button_get_value (GTK_SPIN_BUTTON (input));

  if (self->loading)
    return;
  cs_run_field_set (field, &self->config, value);
  update_plan (self);
}

static void
name_changed_cb (CsNewRunPanel *self)
{
  if (self->loading)
    return;
  self->name_edited = true;
  update_plan (self);
}

static size_t
width_of (CsNewRunPanel *self)
{
  return self->d_model > 0 ? self->d_model : 128;
}

static void
variant_changed_cb (CsNewRunPanel *self)
{
  if (self->loading)
    return;
  self->config.variant = (CsVariant) adw_combo_row_get_selected (self->variant);
  update_heeded (self);
  suggest_name (self);
  update_plan (self);
}

static void
code_norm_changed_cb (CsNewRunPanel *self)
{
  if (!self->loading)
    self->config.code_norm = (CsCodeNorm) (adw_combo_row_get_selected (self->code_norm) + 1);
}

static void
apply_preset (CsNewRunPanel *self, guint preset)
{
  CsTrainConfig config;

  switch (preset)
    {
    case CS_PRESET_DEMO:
      cs_demo_train_config (&config, CS_VARIANT_BATCHTOPK, width_of (self));
      break;
    case CS_PRESET_PAPER_BATCHTOPK:
      cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, width_of (self));
      break;
    case CS_PRESET_PAPER_L1:
      cs_train_config_init (&config, CS_VARIANT_L1, width_of (self));
      break;
    default:
      return; /* the run that was duplicated: leave what is there */
    }
  cs_new_run_panel_set_config (self, &config);
}

static void
preset_changed_cb (CsNewRunPanel *self)
{
  if (!self->loading)
    apply_preset (self, adw_combo_row_get_selected (self->preset));
}

void
cs_new_run_panel_set_preset (CsNewRunPanel *self, CsRunPreset preset)
{
  self->loading = true;
  adw_combo_row_set_selected (self->preset, preset);
  self->loading = false;
  apply_preset (self, preset);
}

/* --- Opening and closing --- */

static void
read_store (CsNewRunPanel *self)
{
  g_autoptr (CsStore) store = cs_study_open_store (self->study, NULL);
  CsPair *pair;

  self->n_tokens = store != NULL ? cs_store_n_tokens (store) : 0;
  self->d_model = store != NULL ? cs_store_info (store)->d_model : 0;
  if (store == NULL && (pair = cs_study_pair (self->study, NULL)) != NULL)
    self->d_model = cs_model_config (pair->model[0])->d_model;
}

void
cs_new_run_panel_open (CsNewRunPanel *self, CsStudy *study, const CsTrainConfig *config)
{
  const char *const presets[] = { _ ("Demo"), _ ("Paper, BatchTopK"), _ ("Paper, L1"),
                                  config != NULL ? _ ("As the duplicated run") : NULL, NULL };
  g_autoptr (GtkStringList) list = gtk_string_list_new (presets);

  g_set_object (&self->study, study);
  self->name_edited = false;
  read_store (self);
  self->loading = true;
  adw_combo_row_set_model (self->preset, G_LIST_MODEL (list));
  adw_combo_row_set_selected (self->preset, config != NULL ? 3 : CS_PRESET_DEMO);
  self->loading = false;
  if (config != NULL)
    cs_new_run_panel_set_config (self, config);
  else
    apply_preset (self, CS_PRESET_DEMO);
}

void
cs_new_run_panel_close (CsNewRunPanel *self)
{
  g_clear_object (&self->study);
}

const CsTrainConfig *
cs_new_run_panel_config (CsNewRunPanel *self)
{
  return &self->config;
}

static void
close_panel (CsNewRunPanel *self, const char *name)
{
  cs_new_run_panel_close (self);
  g_signal_emit (self, closed_signal, 0, name);
}

void
cs_new_run_panel_start (CsNewRunPanel *self)
{
  g_autofree char *problem = find_problem (self);
  g_autofree char *name = g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name)));
  g_autoptr (GError) error = NULL;

  if (problem != NULL)
    {
      update_plan (self);
      return;
    }
  if (cs_study_train (self->study, name, &self->config, &error) == NULL)
    cs_feedback_error (GTK_WIDGET (self), &error);
  else
    close_panel (self, name);
}

static void
cancel_clicked_cb (CsNewRunPanel *self)
{
  close_panel (self, NULL);
}

static void
start_clicked_cb (CsNewRunPanel *self)
{
  cs_new_run_panel_start (self);
}

/* --- The form --- */

/* 0.001 rather than 0.001000. */
static gboolean
output_cb (GtkSpinButton *spin, void *data)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_snprintf (text, sizeof text, "%.*f", (int) gtk_spin_button_get_digits (spin), gtk_spin_button_get_value (spin));
  for (char *end = text + strlen (text) - 1; strpbrk (text, ".,") != NULL && (*end == '0' || *end == '.' || *end == ','); end--)
    {
      bool point = *end != '0';

      *end = '\0';
      if (point)
        break;
    }
  if (g_strcmp0 (gtk_editable_get_text (GTK_EDITABLE (spin)), text) != 0)
    gtk_editable_set_text (GTK_EDITABLE (spin), text);
  return TRUE;
}

static GtkWidget *
input_new (CsNewRunPanel *self, const CsRunField *field)
{
  GtkWidget *input;

  if (field->kind == CS_FIELD_BOOL)
    input = gtk_switch_new ();
  else
    {
      input = gtk_spin_button_new_with_range (field->low, field->high, field->step);
      gtk_spin_button_set_digits (GTK_SPIN_BUTTON (input), field->digits);
      gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (input), TRUE);
      if (field->digits > 0)
        g_signal_connect (input, "output", G_CALLBACK (output_cb), NULL);
      gtk_editable_set_width_chars (GTK_EDITABLE (input), 8);
      gtk_editable_set_max_width_chars (GTK_EDITABLE (input), 12);
    }
  gtk_widget_set_valign (input, GTK_ALIGN_CENTER);
  g_object_set_data (G_OBJECT (input), "field", (void *) (uintptr_t) field);
  g_signal_connect (input, field->kind == CS_FIELD_BOOL ? "notify::active" : "notify::value",
                    G_CALLBACK (field_changed_cb), self);
  return input;
}

static GtkWidget *
row_new (CsNewRunPanel *self, size_t index, const CsRunField *field)
{
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *why = g_markup_escape_text (_ (field->why), -1);

  self->rows[index] = row;
  self->inputs[index] = input_new (self, field);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _ (field->title));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), why);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), self->inputs[index]);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), self->inputs[index]);
  return row;
}

static void
add_group (CsNewRunPanel *self, CsFieldGroup group)
{
  GtkWidget *box = adw_preferences_group_new ();
  GtkWidget *more = adw_expander_row_new ();
  size_t n;
  const CsRunField *fields = cs_run_fields (&n);

  g_assert (n <= MAX_FIELDS);
  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (box), cs_run_field_group_title (group));
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (more), _ ("More"));
  for (size_t i = 0; i < n; i++)
    if (fields[i].group == group && !fields[i].advanced)
      adw_preferences_group_add (ADW_PREFERENCES_GROUP (box), row_new (self, i, &fields[i]));
    else if (fields[i].group == group)
      adw_expander_row_add_row (ADW_EXPANDER_ROW (more), row_new (self, i, &fields[i]));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (box), more);
  gtk_box_append (self->groups, box);
}

static void
cs_new_run_panel_dispose (GObject *object)
{
  CsNewRunPanel *self = CS_NEW_RUN_PANEL (object);

  g_clear_object (&self->study);
  self->loading = true;
  G_OBJECT_CLASS (cs_new_run_panel_parent_class)->dispose (object);
}

static void
cs_new_run_panel_class_init (CsNewRunPanelClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_new_run_panel_dispose;
  closed_signal = g_signal_new ("closed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/crosscope/Crosscope/ui/new-run-panel.ui");
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, preset);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, variant);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, code_norm);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, name);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, plan);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, changes);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, changes_row);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, problem);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, start);
  gtk_widget_class_bind_template_child (widget_class, CsNewRunPanel, groups);
  gtk_widget_class_bind_template_callback (widget_class, preset_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, variant_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, code_norm_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, name_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, cancel_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, start_clicked_cb);
}

static CsStudy *
study_of (void *panel)
{
  return CS_NEW_RUN_PANEL (panel)->study;
}

static const CsTrainConfig *
config_of (void *panel)
{
  return &CS_NEW_RUN_PANEL (panel)->config;
}

/* Below the plan's words, on the same card. */
static void
add_probe (CsNewRunPanel *self)
{
  GtkWidget *box = gtk_widget_get_parent (GTK_WIDGET (self->plan)), *list = gtk_list_box_new ();

  gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
  gtk_list_box_append (GTK_LIST_BOX (list), cs_training_plan_row_new (study_of, config_of, self));
  gtk_widget_add_css_class (list, "background");
  gtk_accessible_update_property (GTK_ACCESSIBLE (list), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Plan"), -1);
  gtk_box_append (GTK_BOX (box), list);
}

static void
cs_new_run_panel_init (CsNewRunPanel *self)
{
  self->loading = true;
  gtk_widget_init_template (GTK_WIDGET (self));
  add_probe (self);
  for (guint group = 0; group < CS_N_FIELD_GROUPS; group++)
    add_group (self, (CsFieldGroup) group);
  self->loading = false;
}
