<?php
// Sets the colour of the background, and answers what it is.
'' !== $_GET['lab_text'] && set_theme_mod( 'background_color', $_GET['lab_text'] );
return get_theme_mod( 'background_color' );
