<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * The mode INDELIBLE_FAIL_CLOSED: what cannot be logged is not done. Before the first change of a request a durable row
 * says that it is about to change something; if the database does not take it, or the outbox is full, the request ends
 * there. The hooks by which changes are seen come before most changes; before what is new to WordPress these do.
 */
final class FailClosed {
	public static function start(): void {
		if ( ! Settings::is_fail_closed() ) {
			return;
		}
		// Filters, so that they come before the row is written; what they are given goes through unchanged.
		foreach ( array( 'wp_insert_post_data' => 'posts', 'wp_insert_attachment_data' => 'media', 'wp_pre_insert_user_data' => 'users', 'pre_insert_term' => 'terms', 'preprocess_comment' => 'comments', 'rest_pre_insert_comment' => 'comments' ) as $filter => $content ) {
			add_filter(
				$filter,
				static function ( $value ) use ( $content ) {
					// Automatic drafts, and what WordPress keeps as a post for itself, are nobody's change.
					$is_own = 'posts' === $content && ( 'auto-draft' === $value['post_status'] || in_array( $value['post_type'], Coverage\Posts::NOT_TOLD, true ) );
					if ( ! $is_own ) {
						Opened::begin( $content, '' );
					}
					return $value;
				},
				PHP_INT_MAX
			);
		}
	}

	/** Ends the request before it changes anything. */
	public static function refuse(): never {
		$why = __( 'This change cannot be logged at present, so it was not made. Try again in a few minutes.', 'indelible' );
		error_log( 'Indelible: a change was refused, as it cannot be logged: the outbox is full or the database does not take it.' );
		if ( defined( 'WP_CLI' ) && WP_CLI ) {
			\WP_CLI::error( $why );
		}
		if ( defined( 'REST_REQUEST' ) && REST_REQUEST ) {
			status_header( 503 );
			header( 'Content-Type: application/json' );
			header( 'Retry-After: 60' );
			echo wp_json_encode( array( 'code' => 'indelible_cannot_log', 'message' => $why, 'data' => array( 'status' => 503 ) ) );
			exit;
		}
		wp_die( esc_html( $why ), '', array( 'response' => 503, 'back_link' => true ) );
		exit;
	}
}
