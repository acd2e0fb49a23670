#include "latent-facts.h"

#include <glib/gi18n.h>

#include "latent-words.h"

typedef enum
{
  FACT_DELTA_NORM,
  FACT_NU_ERROR,
  FACT_NU_RECONSTRUCTION,
  FACT_MAX_ACT,
  FACT_DENSITY,
  FACT_COUNT_ACTIVE,
  FACT_BASE_NORM,
  FACT_CHAT_NORM,
  FACT_COSINE,
  FACT_TEMPLATE_SHARE,
  FACT_ENCODER_COSINE,
  FACT_NU_ACTIVATION,
  N_FACTS,
} Fact;

struct _CsLatentFacts
{
  GtkBox parent;
  GtkGrid *grid;
  GtkLabel *fact[N_FACTS];
  GtkLabel *beta[3];
};

G_DEFINE_FINAL_TYPE (CsLatentFacts, cs_latent_facts, GTK_TYPE_BOX)

static char *
fact_text (const CsLatentRow *row, Fact fact)
{
  switch (fact)
    {
    case FACT_DELTA_NORM:
      return cs_latent_column_text (row, CS_LATENT_COLUMN_DELTA_NORM);
    case FACT_NU_ERROR:
      return cs_latent_column_text (row, CS_LATENT_COLUMN_NU_ERROR);
    case FACT_NU_RECONSTRUCTION:
      return cs_latent_column_text (row, CS_LATENT_COLUMN_NU_RECONSTRUCTION);
    case FACT_MAX_ACT:
      return cs_latent_column_text (row, CS_LATENT_COLUMN_MAX_ACT);
    case FACT_DENSITY:
      return cs_latent_column_text (row, CS_LATENT_COLUMN_DENSITY);
    case FACT_COUNT_ACTIVE:
      return cs_latent_column_text (row, CS_LATENT_COLUMN_COUNT_ACTIVE);
    case FACT_COSINE:
      return cs_latent_column_text (row, CS_LATENT_COLUMN_COSINE);
    case FACT_TEMPLATE_SHARE:
      return cs_latent_column_text (row, CS_LATENT_COLUMN_TEMPLATE_SHARE);
    case FACT_BASE_NORM:
      return cs_latent_number (row->dec_base_norm);
    case FACT_CHAT_NORM:
      return cs_latent_number (row->dec_chat_norm);
    case FACT_ENCODER_COSINE:
      return cs_latent_number (row->enc_cos_sim);
    default:
      return cs_latent_number (row->nu_activation);
    }
}

static const char *
fact_title (Fact fact)
{
  switch (fact)
    {
    case FACT_DELTA_NORM:
      return "Δ_norm";
    case FACT_NU_ERROR:
      return "ν^ε";
    case FACT_NU_RECONSTRUCTION:
      return "ν^r";
    case FACT_MAX_ACT:
      return _ ("maximum");
    case FACT_DENSITY:
      return _ ("density");
    case FACT_COUNT_ACTIVE:
      return _ ("active tokens");
    case FACT_COSINE:
      return _ ("cosine, decoders");
    case FACT_TEMPLATE_SHARE:
      return _ ("on template");
    case FACT_BASE_NORM:
      return _ ("‖d‖ base");
    case FACT_CHAT_NORM:
      return _ ("‖d‖ chat");
    case FACT_ENCODER_COSINE:
      return _ ("cosine, encoders");
    default:
      return "ν^a";
    }
}

void
cs_latent_facts_show (CsLatentFacts *self, const CsLatentRow *row)
{
  const float *betas[] = { row->beta_activation, row->beta_reconstruction, row->beta_error };
  const float nus[] = { row->nu_activation, row->nu_reconstruction, row->nu_error };

  for (Fact f = 0; f < N_FACTS; f++)
    {
      g_autofree char *text = fact_text (row, f);
      gtk_label_set_text (self->fact[f], text);
    }
  for (size_t i = 0; i < 3; i++)
    {
      g_autofree char *base = cs_latent_number (betas[i][0]);
      g_autofree char *chat = cs_latent_number (betas[i][1]);
      g_autofree char *nu = cs_latent_number (nus[i]);
      g_autofree char *text = g_strdup_printf ("%s / %s = %s", base, chat, nu);
      gtk_label_set_text (self->beta[i], text);
    }
}

static void
add_fact (CsLatentFacts *self, Fact fact)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *value = gtk_label_new (NULL), *title = gtk_label_new (fact_title (fact));

  self->fact[fact] = GTK_LABEL (value);
  gtk_widget_add_css_class (value, "heading");
  gtk_widget_add_css_class (value, "numeric");
  gtk_widget_add_css_class (title, "caption");
  gtk_widget_add_css_class (title, "dim-label");
  gtk_label_set_ellipsize (GTK_LABEL (title), PANGO_ELLIPSIZE_END);
  gtk_box_append (GTK_BOX (box), value);
  gtk_box_append (GTK_BOX (box), title);
  gtk_accessible_update_relation (GTK_ACCESSIBLE (value), GTK_ACCESSIBLE_RELATION_LABELLED_BY, title,
                                  NULL, -1);
  gtk_grid_attach (self->grid, box, (int)fact % 3, (int)fact / 3, 1, 1);
}

static void
add_beta (CsLatentFacts *self, GtkWidget *betas, size_t i)
{
  const char *titles[] = { _ ("Activation"), _ ("Reconstruction"), _ ("Error") };
  GtkWidget *row = adw_action_row_new (), *value = gtk_label_new (NULL);

  self->beta[i] = GTK_LABEL (value);
  gtk_widget_add_css_class (value, "numeric");
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), titles[i]);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), value);
  adw_expander_row_add_row (ADW_EXPANDER_ROW (betas), row);
}

static void
cs_latent_facts_class_init (CsLatentFactsClass *klass)
{
}

static void
cs_latent_facts_init (CsLatentFacts *self)
{
  GtkWidget *card = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *group = adw_preferences_group_new (), *betas = adw_expander_row_new ();

  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 12);
  self->grid = GTK_GRID (gtk_grid_new ());
  gtk_grid_set_column_homogeneous (self->grid, TRUE);
  gtk_grid_set_column_spacing (self->grid, 6);
  gtk_grid_set_row_spacing (self->grid, 12);
  gtk_widget_set_hexpand (GTK_WIDGET (self->grid), TRUE);
  gtk_widget_set_margin_top (GTK_WIDGET (self->grid), 12);
  gtk_widget_set_margin_bottom (GTK_WIDGET (self->grid), 12);
  gtk_widget_set_margin_start (GTK_WIDGET (self->grid), 6);
  gtk_widget_set_margin_end (GTK_WIDGET (self->grid), 6);
  for (Fact f = 0; f < N_FACTS; f++)
    add_fact (self, f);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (betas), _ ("Latent Scaling"));
  adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (betas),
                                 _ ("β in base and chat, ν = β base / β chat"));
  for (size_t i = 0; i < 3; i++)
    add_beta (self, betas, i);
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), betas);
  gtk_widget_add_css_class (card, "card");
  gtk_box_append (GTK_BOX (card), GTK_WIDGET (self->grid));
  gtk_box_append (GTK_BOX (self), card);
  gtk_box_append (GTK_BOX (self), group);
}
