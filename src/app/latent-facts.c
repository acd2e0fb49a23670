#include "latent-facts.h"

#include <math.h>

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

/* Lines below the betas. */
typedef enum
{
  LINE_NU_ERROR_INTERVAL,
  LINE_NU_RECONSTRUCTION_INTERVAL,
  LINE_NO_BIAS,
  LINE_BASE_ERROR,
  LINE_BASE_RECONSTRUCTION,
  LINE_TWIN,
  N_LINES,
} Line;

struct _CsLatentFacts
{
  GtkBox parent;
  GtkGrid *grid;
  GtkLabel *fact[N_FACTS];
  GtkLabel *beta[3];
  GtkLabel *line[N_LINES];
  GtkLabel *share[CS_TOKEN_N_CLASSES];
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

static char *
interval_text (const float interval[2])
{
  g_autofree char *low = cs_latent_number (interval[0]), *high = cs_latent_number (interval[1]);

  return g_strdup_printf (_ ("%s to %s"), low, high);
}

static char *
ratio_text (float other, float own, float ratio)
{
  g_autofree char *a = cs_latent_number (other), *b = cs_latent_number (own);
  g_autofree char *nu = cs_latent_number (ratio);

  return g_strdup_printf ("%s / %s = %s", a, b, nu);
}

static char *
twin_text (const CsLatentRow *row)
{
  g_autofree char *divergence = cs_latent_number (row->twin_divergence);

  if (row->twin < 0 || !(row->twin_cos > 0))
    return g_strdup ("–");
  return g_strdup_printf (_ ("%d, divergence %s"), row->twin, divergence);
}

static char *
line_text (const CsLatentRow *row, Line line)
{
  switch (line)
    {
    case LINE_NU_ERROR_INTERVAL:
      return interval_text (row->nu_error_interval);
    case LINE_NU_RECONSTRUCTION_INTERVAL:
      return interval_text (row->nu_reconstruction_interval);
    case LINE_NO_BIAS:
      return ratio_text (row->beta_reconstruction_nobias[0], row->beta_reconstruction_nobias[1],
                         row->nu_reconstruction_nobias);
    case LINE_BASE_ERROR:
      return ratio_text (row->base_beta_error[1], row->base_beta_error[0], row->base_nu_error);
    case LINE_BASE_RECONSTRUCTION:
      return ratio_text (row->base_beta_reconstruction[1], row->base_beta_reconstruction[0],
                         row->base_nu_reconstruction);
    default:
      return twin_text (row);
    }
}

static void
show_lines (CsLatentFacts *self, const CsLatentRow *row)
{
  for (Line line = 0; line < N_LINES; line++)
    {
      g_autofree char *text = line_text (row, line);
      gtk_label_set_text (self->line[line], text);
    }
  for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
    {
      g_autofree char *number = cs_latent_number (100 * row->share[c]);
      g_autofree char *text = g_strdup_printf (_ ("%s %%"), number);
      gtk_label_set_text (self->share[c], isnan (row->share[c]) ? number : text);
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
  show_lines (self, row);
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

static GtkLabel *
add_line (GtkWidget *expander, const char *title)
{
  GtkWidget *row = adw_action_row_new (), *value = gtk_label_new (NULL);

  gtk_widget_add_css_class (value, "numeric");
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), value);
  adw_expander_row_add_row (ADW_EXPANDER_ROW (expander), row);
  return GTK_LABEL (value);
}

static void
add_scaling_lines (CsLatentFacts *self, GtkWidget *expander)
{
  const char *betas[] = { _ ("Activation"), _ ("Reconstruction"), _ ("Error") };
  const char *lines[N_LINES] = { _ ("ν^ε, 95 % interval"),     _ ("ν^r, 95 % interval"),
                                 _ ("Reconstruction, no bias"), _ ("Error, along base (chat / base)"),
                                 _ ("Reconstruction, along base"), _ ("Twin") };

  for (size_t i = 0; i < G_N_ELEMENTS (betas); i++)
    self->beta[i] = add_line (expander, betas[i]);
  for (Line line = 0; line < N_LINES; line++)
    self->line[line] = add_line (expander, lines[line]);
}

static void
add_share_lines (CsLatentFacts *self, GtkWidget *expander)
{
  const char *titles[CS_TOKEN_N_CLASSES] = {
    _ ("Ordinary text"), _ ("User's words"),    _ ("Model's words"), _ ("Other roles' words"),
    _ ("Start of turn"), _ ("Role"),            _ ("Newline of the template"), _ ("End of turn"),
    _ ("Beginning of text"),
  };

  for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
    self->share[c] = add_line (expander, titles[c]);
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
  GtkWidget *shares = adw_expander_row_new ();

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
  add_scaling_lines (self, betas);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (shares), _ ("Tokens"));
  adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (shares), _ ("On which of them it is active"));
  add_share_lines (self, shares);
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), betas);
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), shares);
  gtk_widget_add_css_class (card, "card");
  gtk_box_append (GTK_BOX (card), GTK_WIDGET (self->grid));
  gtk_box_append (GTK_BOX (self), card);
  gtk_box_append (GTK_BOX (self), group);
}
