<?php
declare( strict_types=1 );

namespace Indelible\Admin;

use Indelible\Client;
use Indelible\Plugin;
use Indelible\Settings;

/** What was done to one thing, on the screen where it is edited; each change leads to where it can be taken back. */
final class History {
	private const SHOWN  = 20;
	/** A screen waits this long for the server. */
	private const WAIT_S = 1.5;

	public static function add_box( string $type, mixed $post = null ): void {
		if ( $post instanceof \WP_Post && 'auto-draft' !== $post->post_status && Access::may_see() ) {
			add_meta_box( 'indelible-history', __( 'History', 'indelible' ), static fn ( \WP_Post $post ) => self::show( $post->post_type, (string) $post->ID ), $type, 'normal', 'low' );
		}
	}

	public static function of_user( \WP_User $user ): void {
		self::section( 'user', (string) $user->ID );
	}

	public static function of_term( \WP_Term $term ): void {
		self::section( $term->taxonomy, (string) $term->term_id );
	}

	private static function section( string $type, string $id ): void {
		if ( Access::may_see() ) {
			echo '<div id="indelible-history"><h2>' . esc_html__( 'History', 'indelible' ) . '</h2>';
			self::show( $type, $id );
			echo '</div>';
		}
	}

	private static function show( string $type, string $id ): void {
		$obstacle = Access::obstacle();
		$entries  = '' === $obstacle ? Plugin::never_fail( static fn () => self::entries( $type, $id ) ) : null;
		if ( ! is_array( $entries ) ) {
			echo '<p class="description">' . esc_html( '' === $obstacle ? __( 'The log did not answer.', 'indelible' ) : $obstacle ) . '</p>';
			return;
		}
		if ( ! $entries ) {
			echo '<p class="description">' . esc_html__( 'The log has nothing about this yet.', 'indelible' ) . '</p>';
			return;
		}
		echo '<table class="widefat striped"><thead><tr>';
		foreach ( array( __( 'Time', 'indelible' ), __( 'Who', 'indelible' ), __( 'What', 'indelible' ), __( 'Changed', 'indelible' ), '' ) as $title ) {
			echo '<th scope="col">' . esc_html( $title ) . '</th>';
		}
		echo '</tr></thead><tbody>';
		array_map( self::row( ... ), $entries );
		echo '</tbody></table>';
	}

	/** The newest, of this blog's log and, for what belongs to the network, of its log. */
	private static function entries( string $type, string $id ): ?array {
		$sites = array( Settings::site_of( get_current_blog_id() ) );
		if ( is_multisite() && 'user' === $type ) {
			$sites[] = Settings::site_of( 0 );
		}
		$entries = array();
		foreach ( array_unique( $sites ) as $site ) {
			$query  = array( 'entity_type' => $type, 'entity_id' => $id, 'limit' => self::SHOWN );
			$answer = Client::administer( 'GET', "/sites/$site/entries", null, $query, self::WAIT_S );
			if ( 200 !== $answer['status'] || ! is_array( $answer['body']['data'] ?? null ) ) {
				return null;
			}
			array_push( $entries, ...$answer['body']['data'] );
		}
		usort( $entries, static fn ( array $one, array $other ): int => strcmp( $other['occurred_at'], $one['occurred_at'] ) );
		return array_slice( $entries, 0, self::SHOWN );
	}

	private static function row( array $entry ): void {
		$link = '';
		if ( self::is_revertible( $entry ) ) {
			$url  = Menu::url( 'indelible-revert', array( 'log' => $entry['site'], 'entry' => $entry['id'] ) );
			$link = sprintf( '<a href="%s">%s</a>', esc_url( $url ), esc_html__( 'Revert…', 'indelible' ) );
		} elseif ( isset( $entry['reverted_by'] ) ) {
			$link = esc_html__( 'Reverted', 'indelible' );
		}
		printf(
			'<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
			esc_html( self::time( $entry['occurred_at'] ) ),
			esc_html( self::actor( $entry['actor'] ?? array() ) ),
			esc_html( $entry['summary'] ?? $entry['action'] ),
			esc_html( implode( ', ', array_slice( (array) ( $entry['changed'] ?? array() ), 0, 12 ) ) ),
			$link // Escaped above.
		);
	}

	/** As far as the list tells; the next screen says it for certain, and why not. */
	private static function is_revertible( array $entry ): bool {
		return in_array( $entry['kind'] ?? '', array( 'update', 'delete' ), true ) && 'success' === ( $entry['outcome'] ?? '' )
			&& 'wordpress' === ( $entry['connector'] ?? '' ) && ! isset( $entry['reverted_by'] ) && '' !== Settings::revert_secret()
			&& Access::may_revert( $entry['entity']['type'], $entry['entity']['id'] );
	}

	public static function time( string $at ): string {
		return (string) wp_date( get_option( 'date_format' ) . ' ' . get_option( 'time_format' ), (int) strtotime( $at ) );
	}

	public static function actor( array $actor ): string {
		return (string) ( $actor['name'] ?? $actor['id'] ?? $actor['type'] ?? '' );
	}
}
