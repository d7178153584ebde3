<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Hooks;
use Indelible\Value;
use Indelible\Watcher;

/** Comments with their text. */
final class Comments extends Watcher {
	private const STATUS = array( '1' => 'approved', '0' => 'hold' );

	public function hook(): void {
		Hooks::add( 'wp_insert_comment', fn ( $id ) => $this->created( (int) $id ) );
		Hooks::peek( 'wp_update_comment_data', fn ( $data, $comment ) => $this->touch( (int) $comment['comment_ID'] ) );
		foreach ( array( 'trash_comment', 'untrash_comment', 'spam_comment', 'unspam_comment', 'delete_comment' ) as $hook ) {
			Hooks::add( $hook, fn ( $id ) => $this->touch( (int) $id ) );
		}
		// Approving says nothing before it is done.
		Hooks::add( 'transition_comment_status', fn ( $new, $old, $comment ) => $this->touch_with_status( (string) $comment->comment_ID, (string) $old ) );
		$this->hook_meta( 'comment', self::is_told( ... ) );
	}

	private static function is_told( string $key ): bool {
		return ! str_starts_with( $key, '_wp_trash_meta_' );
	}

	private function touch_with_status( string $id, string $status ): void {
		$state = $this->state( $id );
		if ( null !== $state ) {
			$this->touch( $id, array( 'status' => 'unapproved' === $status ? 'hold' : $status ) + $state );
		}
	}

	public function state( string $id ): ?array {
		global $wpdb;
		$row = $wpdb->get_row( $wpdb->prepare( "SELECT * FROM $wpdb->comments WHERE comment_ID = %d", (int) $id ) );
		if ( null === $row ) {
			return null;
		}
		return array(
			'status'       => self::STATUS[ $row->comment_approved ] ?? $row->comment_approved,
			'post'         => (int) $row->comment_post_ID,
			'type'         => $row->comment_type,
			'author'       => Value::utf8( $row->comment_author ),
			'author_email' => $row->comment_author_email,
			'author_url'   => $row->comment_author_url,
			'author_ip'    => $row->comment_author_IP,
			'user'         => (int) $row->user_id,
			'date'         => $row->comment_date,
			'content'      => Value::utf8( $row->comment_content ),
			'parent'       => (int) $row->comment_parent,
			'meta'         => self::meta( 'comment', (int) $id, self::is_told( ... ) ),
		);
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		$now   = $after ?? $before;
		$title = trim( $now['author'] . ' on ' . get_the_title( $now['post'] ) );
		return array( new Change( 'comments.' . self::what( $before, $after ), 'comment', $id, $title, $before, $after ) );
	}

	private static function what( ?array $before, ?array $after ): string {
		$was = $before['status'] ?? '';
		$is  = $after['status'] ?? '';
		return match ( true ) {
			null === $before => $after['parent'] > 0 ? 'replied' : 'created',
			null === $after => 'deleted',
			$was === $is => 'edited',
			'spam' === $is => 'spammed',
			in_array( $is, array( 'trash', 'post-trashed' ), true ) => 'trashed',
			'spam' === $was => 'unspammed',
			in_array( $was, array( 'trash', 'post-trashed' ), true ) => 'untrashed',
			'approved' === $is => 'approved',
			default => 'unapproved',
		};
	}
}
