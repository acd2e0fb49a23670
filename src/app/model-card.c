#include "model-card.h"

#include <glib/gi18n.h>

#include "cached-models.h"
#include "feedback.h"

enum
{
  ROW_FOLDER,
  ROW_ARCHITECTURE,
  ROW_WIDTH,
  ROW_PARAMETERS,
  ROW_TOKENIZER,
  ROW_TEMPLATE,
  N_ROWS
};

struct _CsModelCard
{
  AdwBin parent;
  AdwPreferencesGroup *group;
  GtkBox *buttons;
  GtkButton *choose;
  GtkWidget *rows[N_ROWS];
  GtkLabel *values[N_ROWS];
  AdwActionRow *problem;
};

G_DEFINE_FINAL_TYPE (CsModelCard, cs_model_card, ADW_TYPE_BIN)

static void
set_value (CsModelCard *self, int row, char *text)
{
  gtk_label_set_text (self->values[row], text);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->values[row]), text);
  gtk_widget_set_visible (self->rows[row], TRUE);
  g_free (text);
}

static void
show_facts (CsModelCard *self, const CsModelFacts *f)
{
  g_autofree char *parameters = cs_feedback_count ((double) f->n_parameters);
  g_autofree char *bytes = cs_feedback_bytes ((double) f->file_bytes);
  g_autofree char *tokens = cs_feedback_count ((double) f->n_tokens);

  set_value (self, ROW_ARCHITECTURE,
             g_strdup_printf (_ ("%s, %zu layers, %zu heads"), f->architecture, f->n_layers, f->n_heads));
  set_value (self, ROW_WIDTH, g_strdup_printf ("%zu", f->d_model));
  /* Translators: number of parameters, their type, size of the file */
  set_value (self, ROW_PARAMETERS, g_strdup_printf (_ ("%s, %s, %s"), parameters, f->dtype, bytes));
  set_value (self, ROW_TOKENIZER, f->n_tokens > 0 ? g_strdup_printf (_ ("%s tokens"), tokens) : g_strdup (_ ("missing")));
  set_value (self, ROW_TEMPLATE, g_strdup (f->has_template ? _ ("yes") : _ ("no")));
}

void
cs_model_card_show (CsModelCard *self, const char *folder, const CsModelFacts *facts)
{
  const char *problem = folder != NULL && facts != NULL ? facts->problem : NULL;
  g_autofree char *escaped = g_markup_escape_text (problem != NULL ? problem : "", -1);

  gtk_button_set_label (self->choose, folder != NULL ? _ ("Change…") : _ ("Choose…"));
  for (int i = 0; i < N_ROWS; i++)
    gtk_widget_set_visible (self->rows[i], FALSE);
  set_value (self, ROW_FOLDER, g_strdup (folder != NULL ? folder : _ ("not chosen")));
  adw_action_row_set_subtitle (self->problem, escaped);
  gtk_widget_set_visible (GTK_WIDGET (self->problem), problem != NULL);
  if (facts != NULL && folder != NULL && problem == NULL)
    show_facts (self, facts);
}

static GtkWidget *
row_new (CsModelCard *self, int index, const char *title)
{
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *value = gtk_label_new (NULL);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  gtk_label_set_ellipsize (GTK_LABEL (value), index == ROW_FOLDER ? PANGO_ELLIPSIZE_START : PANGO_ELLIPSIZE_END);
  gtk_label_set_xalign (GTK_LABEL (value), 1);
  gtk_label_set_selectable (GTK_LABEL (value), FALSE);
  gtk_widget_set_hexpand (value, TRUE);
  gtk_widget_add_css_class (value, "dim-label");
  gtk_widget_add_css_class (value, "numeric");
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), value);
  gtk_widget_set_visible (row, FALSE);
  self->rows[index] = row;
  self->values[index] = GTK_LABEL (value);
  return row;
}

static void
cs_model_card_class_init (CsModelCardClass *klass)
{
}

static void
cs_model_card_init (CsModelCard *self)
{
  static const char *const titles[N_ROWS] = {
    N_ ("Folder"),     N_ ("Architecture"), N_ ("d_model"),
    N_ ("Parameters"), N_ ("Tokenizer"),    N_ ("Chat template"),
  };

  self->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  self->choose = GTK_BUTTON (gtk_button_new ());
  gtk_widget_add_css_class (GTK_WIDGET (self->choose), "flat");
  gtk_widget_set_valign (GTK_WIDGET (self->choose), GTK_ALIGN_CENTER);
  self->buttons = GTK_BOX (gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6));
  gtk_box_append (self->buttons, GTK_WIDGET (self->choose));
  adw_preferences_group_set_header_suffix (self->group, GTK_WIDGET (self->buttons));
  for (int i = 0; i < N_ROWS; i++)
    adw_preferences_group_add (self->group, row_new (self, i, _ (titles[i])));
  self->problem = ADW_ACTION_ROW (adw_action_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->problem), _ ("Cannot be opened"));
  adw_action_row_add_prefix (self->problem, gtk_image_new_from_icon_name ("dialog-error-symbolic"));
  adw_preferences_group_add (self->group, GTK_WIDGET (self->problem));
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->group));
}

GtkWidget *
cs_model_card_new (int model)
{
  CsModelCard *self = g_object_new (CS_TYPE_MODEL_CARD, NULL);
  GtkWidget *cached;
  const char *label = model == 0 ? _ ("Choose the Base Model") : _ ("Choose the Chat Model");

  adw_preferences_group_set_title (self->group, model == 0 ? _ ("Base") : _ ("Chat"));
  adw_preferences_group_set_description (self->group, model == 0 ? _ ("As it came out of pre-training")
                                                                 : _ ("Tuned from it to converse"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->choose), label);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->choose), "i", model);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->choose), "pair.choose");
  cached = cs_cached_models_button_new (model);
  gtk_widget_add_css_class (cached, "flat");
  gtk_box_prepend (self->buttons, cached);
  cs_model_card_show (self, NULL, NULL);
  return GTK_WIDGET (self);
}
