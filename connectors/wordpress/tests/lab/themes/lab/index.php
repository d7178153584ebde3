<?php
wp_head();
while ( have_posts() ) {
	the_post();
	the_title();
	comments_template();
}
wp_footer();
